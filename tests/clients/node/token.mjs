// Gets a token with Microsoft's identity library: the order comes in as JSON, the answer goes out.
import { readFileSync } from "node:fs";
import { ClientSecretCredential } from "@azure/identity";

const order = JSON.parse(readFileSync(0, "utf8"));
const credential = new ClientSecretCredential(order.tenant, order.client, order.secret, {
  authorityHost: order.authority,
  disableInstanceDiscovery: true,
});
try {
  const { token } = await credential.getToken(order.scope);
  console.log(JSON.stringify({ token }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
