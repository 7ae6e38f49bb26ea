import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import javax.mail.internet.MimeMessage;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.springframework.mail.javamail.JavaMailSenderImpl;
import org.springframework.util.PropertyPlaceholderHelper;

/**
 * Runs programs that set Spring's mail sender up, one after the other, as Spring Boot would with
 * these properties. In: a line with the kind of program, its code and what it knows, in base64.
 * Out: a line with how it ended and what JavaMail said, alike.
 */
public class SpringPrograms {
    static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    static final String PROPERTIES = "spring.mail.properties.";
    /** Between the properties and Java code that sees the message. */
    static final String CODE = "--- code\n";
    static int count = 0;

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        Path home = Path.of(arguments[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] order = line.split(" ");
            for (int i = 0; i < order.length; i++) {
                order[i] = new String(Base64.getDecoder().decode(order[i]), "UTF-8");
            }
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            PrintStream print = new PrintStream(said, true);
            boolean ok = run(home, order, print);
            out.println(ok + " " + Base64.getEncoder().encodeToString(said.toByteArray()));
            out.flush();
        }
    }

    static boolean run(Path home, String[] order, PrintStream print) {
        try {
            String[] parts = order[1].split(CODE, 2);
            Properties settings = new Properties();
            settings.load(new StringReader(parts[0]));
            Map<String, String> known = Map.of("SMTP_USERNAME", order[2], "SMTP_PASSWORD", order[3]);
            var sender = new JavaMailSenderImpl();
            configure(sender, settings, known);
            sender.getSession().setDebugOut(print);
            sender.getSession().setDebug(true);
            MimeMessage message = sender.createMimeMessage();
            message.setFrom(order[4]);
            message.setRecipients(MimeMessage.RecipientType.TO, order[5]);
            message.setSubject("hello");
            message.setText("hello");
            if (parts.length > 1) {
                code(home, parts[1], message);
            }
            sender.send(message);
            return true;
        } catch (Throwable error) {
            (error instanceof InvocationTargetException ? error.getCause() : error).printStackTrace(print);
            return false;
        }
    }

    /** As MailSenderPropertiesConfiguration of Spring Boot does it. */
    static void configure(JavaMailSenderImpl sender, Properties settings, Map<String, String> known) {
        var placeholders = new PropertyPlaceholderHelper("${", "}", ":", false);
        Properties properties = new Properties();
        for (String name : settings.stringPropertyNames()) {
            String value = placeholders.replacePlaceholders(settings.getProperty(name), known::get);
            switch (name) {
                case "spring.mail.host" -> sender.setHost(value);
                case "spring.mail.port" -> sender.setPort(Integer.parseInt(value));
                case "spring.mail.username" -> sender.setUsername(value);
                case "spring.mail.password" -> sender.setPassword(value);
                default -> properties.put(name.substring(PROPERTIES.length()), value);
            }
        }
        sender.setDefaultEncoding("UTF-8");
        sender.setJavaMailProperties(properties);
    }

    /** The code is the body of a method that knows message. */
    static void code(Path home, String code, MimeMessage message) throws Exception {
        String name = "Program" + count++;
        String source = "import org.springframework.mail.javamail.MimeMessageHelper;\n"
            + "public class " + name + " { public static void run(javax.mail.internet.MimeMessage message)"
            + " throws Exception {\nString subject = \"Gr\u00fc\u00dfe\";\n" + code + "\n}}";
        var file = new SimpleJavaFileObject(URI.create("string:///" + name + ".java"), SimpleJavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignore) {
                return source;
            }
        };
        Files.createDirectories(home);
        if (!COMPILER.getTask(null, null, null, List.of("-d", home.toString()), null, List.of(file)).call()) {
            throw new IllegalStateException("it does not compile:\n" + source);
        }
        try (var loader = new URLClassLoader(new URL[] {home.toUri().toURL()}, SpringPrograms.class.getClassLoader())) {
            loader.loadClass(name).getMethod("run", MimeMessage.class).invoke(null, message);
        }
    }
}
