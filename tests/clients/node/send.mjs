// One message through nodemailer. In: a JSON object on stdin. Out: a JSON object on stdout, with
// `accepted` or `error`.
import { createTransport } from 'nodemailer';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { transport, envelope, raw } = JSON.parse(Buffer.concat(chunks).toString());

try {
    const result = await createTransport(transport).sendMail({ envelope, raw: Buffer.from(raw, 'base64') });
    console.log(JSON.stringify({ accepted: result.accepted }));
} catch (error) {
    const { code, responseCode, response } = error;
    console.log(JSON.stringify({ error: { code, responseCode, response, message: error.message } }));
}
