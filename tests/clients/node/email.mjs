// Sends with @azure/communication-email. The order comes as JSON on standard input:
// {connectionString | endpoint+application, message, options}; the outcome goes to standard output.
import { readFileSync } from "node:fs";
import { EmailClient } from "@azure/communication-email";
import { ClientSecretCredential } from "@azure/identity";

const order = JSON.parse(readFileSync(0, "utf8"));
const options = { retryOptions: { maxRetries: order.retries ?? 0 } };
const { tenant, id, secret, authorityHost } = order.application ?? {};
const entra = { authorityHost, disableInstanceDiscovery: true };
const client = order.application
  ? new EmailClient(order.endpoint, new ClientSecretCredential(tenant, id, secret, entra), options)
  : new EmailClient(order.connectionString, options);

let outcome;
try {
  const started = Date.now();
  const poller = await client.beginSend(order.message, order.options);
  const result = await poller.pollUntilDone();
  outcome = { result, seconds: (Date.now() - started) / 1000 };
} catch (error) {
  outcome = {
    error: {
      name: error.name,
      code: error.code ?? null,
      status: error.statusCode ?? null,
      message: error.message,
      retryAfter: error.response?.headers?.get("retry-after") ?? null,
    },
  };
}
process.stdout.write(JSON.stringify(outcome));
