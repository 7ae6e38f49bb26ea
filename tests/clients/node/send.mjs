// Messages through nodemailer. In: a JSON object on each line of stdin. Out: a JSON object on a line
// of stdout, with `accepted` or `error`.
import { createInterface } from 'node:readline';
import { createTransport } from 'nodemailer';

for await (const line of createInterface({ input: process.stdin })) {
    const { transport, envelope, raw } = JSON.parse(line);
    try {
        const result = await createTransport(transport).sendMail({ envelope, raw: Buffer.from(raw, 'base64') });
        console.log(JSON.stringify({ accepted: result.accepted }));
    } catch (error) {
        const { code, responseCode, response } = error;
        console.log(JSON.stringify({ error: { code, responseCode, response, message: error.message } }));
    }
}
