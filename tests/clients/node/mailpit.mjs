// Calls every method of mailpit-api that Gatepost answers, and the commands of cypress-mailpit.
// Arguments: the base URL, and the id of a message with an HTML part and an attachment.
// Prints a JSON document with the results.
import { MailpitClient } from "mailpit-api";

const [base, id] = process.argv.slice(2);

async function refusal(promise) {
  try {
    await promise;
    return "";
  } catch (error) {
    return error.message;
  }
}

async function callMailpitApi() {
  const mailpit = new MailpitClient(base);
  const found = await mailpit.getMessageSummary(id);
  const results = {
    info: await mailpit.getInfo(),
    configuration: await mailpit.getConfiguration(),
    message: found,
    headers: await mailpit.getMessageHeaders(id),
    source: await mailpit.getMessageSource(id),
    list: await mailpit.listMessages(0, 10),
    search: await mailpit.searchMessages({ query: "subject:clients", start: 0, limit: 10 }),
    html: await mailpit.renderMessageHTML(id, 1),
    text: await mailpit.renderMessageText(id),
  };
  const part = await mailpit.getMessageAttachment(id, found.Attachments[0].PartID);
  results.attachment = [part.type, await part.text()];
  results.sent = await mailpit.sendMessage({
    From: { Email: "ann@a.example", Name: "Ann" },
    To: [{ Email: "bob@b.example", Name: "Bob" }],
    Subject: "sent by mailpit-api",
    Text: "hello",
    Tags: ["sent"],
  });
  results.awaited = (await mailpit.waitForMessage({ query: "subject:\"sent by mailpit-api\"" })).Subject;
  results.changes = [
    await mailpit.setReadStatus({ IDs: [id], Read: false }),
    await mailpit.setReadStatus({ Search: "subject:clients", Read: true }),
    await mailpit.setTags({ IDs: [id], Tags: ["one", "two"] }),
    await mailpit.renameTag("two", "three"),
    await mailpit.deleteTag("one"),
  ];
  results.tags = await mailpit.getTags();
  results.refusals = [
    await refusal(mailpit.releaseMessage(id, { To: ["bob@b.example"] })),
    await refusal(mailpit.getMessageSummary("nothing")),
    await refusal(mailpit.searchMessages({ query: "" })),
  ];
  results.changes.push(
    await mailpit.deleteMessagesBySearch({ query: "subject:\"sent by mailpit-api\"" }),
  );
  results.left = (await mailpit.listMessages()).messages_count;
  return results;
}

// Stand-ins for Cypress: a command's result is a promise with `then`.
async function callCypressMailpit() {
  const commands = {};
  const timeouts = { defaultCommandTimeout: 5000 };
  globalThis.Cypress = {
    expose: () => base,
    config: (name) => timeouts[name],
    Commands: { add: (name, options, command) => (commands[name] = command) },
  };
  globalThis.cy = {
    env: async () => ({}),
    wrap: async (value) => value,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    request: async ({ method, url, body, qs }) => {
      const query = qs ? `?${new URLSearchParams(qs)}` : "";
      const response = await fetch(url + query, {
        method,
        headers: body ? { "content-type": "application/json" } : {},
        body: body && JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${url}: ${text}`);
      const type = response.headers.get("content-type");
      return { status: response.status, body: type.startsWith("application/json") ? JSON.parse(text) : text };
    },
  };
  const { MailpitCommands } = await import("cypress-mailpit/dist/src/MailpitCommands.js");
  const mailpit = new MailpitCommands();
  const message = await mailpit.mailpitGetMail(id);
  const results = {
    sent: await mailpit.mailpitSendMail({ subject: "sent by cypress" }),
    all: (await mailpit.mailpitGetAllMails()).messages_count,
    search: (await mailpit.mailpitSearchEmails("subject:cypress")).messages_count,
    has: (await mailpit.mailpitHasEmailsBySubject("cypress")).messages_count,
    hasNot: (await mailpit.mailpitNotHasEmailsByTo("nobody@nowhere.example")).messages_count,
    to: (await mailpit.mailpitGetEmailsByTo("jane@example.com")).messages_count,
    subject: await mailpit.mailpitGetSubject(message),
    from: await mailpit.mailpitGetFromAddress(message),
    recipients: await mailpit.mailpitGetRecipientAddress(message),
    attachments: await mailpit.mailpitGetAttachments(message),
    html: await mailpit.mailpitGetMailHTMlBody(message),
    text: await mailpit.mailpitGetMailTextBody(message),
    read: await mailpit.mailpitSetAllEmailStatusAsRead(),
    unread: await mailpit.mailpitSetStatusAsUnRead(message),
  };
  results.unreadCount = (await mailpit.mailpitGetAllMails()).unread;
  await mailpit.mailpitDeleteEmailsBySearch("subject:cypress");
  results.left = (await mailpit.mailpitGetAllMails()).messages_count;
  return results;
}

console.log(JSON.stringify({ api: await callMailpitApi(), cypress: await callCypressMailpit() }));
