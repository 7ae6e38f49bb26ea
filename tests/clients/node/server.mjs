// nodemailer's smtp-server, with one user. In: its settings as JSON in the first argument.
// Out: one JSON object a line: first the port, then each message.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const { certificate, key, username, password, mechanisms } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));

const server = new SMTPServer({
    cert: readFileSync(certificate),
    key: readFileSync(key),
    authMethods: mechanisms,
    disableReverseLookup: true,
    onAuth({ method, username: given, password: secret }, session, done) {
        if (given !== username || secret !== password) return done(new Error('Invalid username or password'));
        session.mechanism = method;
        return done(null, { user: given });
    },
    onData(stream, session, done) {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            print({
                mail_from: mailFrom.address,
                rcpt_to: rcptTo.map(({ address }) => address),
                mechanism: session.mechanism,
                tls: session.secure,
                content: Buffer.concat(chunks).toString('base64'),
            });
            done(null, 'queued');
        });
    },
});
server.on('error', (error) => process.stderr.write(`${error.message}\n`));
server.listen(0, '127.0.0.1', () => print({ port: server.server.address().port }));
