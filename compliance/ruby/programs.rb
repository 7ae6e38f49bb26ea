# Runs programs that set ActionMailer up, each in a process of its own, which knows it already.
# In: a JSON object a line, with `code` and what the program knows. Out: the same, with `ok` and what
# Net::SMTP and the exception said.
require "json"
require "ostruct"
require "active_support"
require "action_mailer"
require "net/smtp"

Net::SMTP.prepend(Module.new do
  def initialize(...)
    super
    set_debug_output($stderr)
  end
end)

# The program may change `message`, and define ApplicationMailer, as an application does.
def run(order)
  config = OpenStruct.new(action_mailer: ActionMailer::Base)
  sender, recipient = order.values_at("sender", "recipient")
  message = { from: sender, to: recipient, subject: "hello", body: "hello", content_type: "text/plain" }
  eval(order["code"], binding, "program.rb")
  parent = defined?(ApplicationMailer) ? ApplicationMailer : ActionMailer::Base
  mailer = Class.new(parent) do
    define_singleton_method(:name) { "Hello" }
    define_method(:hello) { mail(**message) }
  end
  mailer.hello.deliver_now
end

def environment(order)
  ENV["SMTP_USERNAME"], ENV["SMTP_PASSWORD"] = order.values_at("username", "password")
  # OpenSSL has read what SSL_CERT_FILE names long before
  OpenSSL::SSL::SSLContext::DEFAULT_CERT_STORE.add_file(order["ca_file"]) unless order["ca_file"].empty?
end

$VERBOSE = nil
$stdin.each_line do |line|
  order = JSON.parse(line)
  reader, writer = IO.pipe
  child = fork do
    [$stdout, $stderr].each { |stream| stream.reopen(writer) }
    environment(order)
    run(order)
    exit!(0)
  rescue Exception => error
    $stderr.puts(error.full_message(highlight: false))
    exit!(1)
  end
  writer.close
  output = reader.read.force_encoding("UTF-8").scrub
  Process.wait(child)
  puts(JSON.generate(ok: $?.success?, output: output))
  $stdout.flush
end
