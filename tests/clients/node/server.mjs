// nodemailer's smtp-server, with one user: STARTTLS, TLS first, and clear text. In: its settings as
// JSON in the first argument. Out: one JSON object a line: first the ports, then each message.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const { certificate, key, username, password, token, mechanisms } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));

const proves = ({ method, username: given, password: secret, accessToken, validatePassword }) => {
    if (given !== username) return false;
    if (method === 'XOAUTH2') return accessToken === token;
    return method === 'CRAM-MD5' ? validatePassword(password) : secret === password;
};

const settings = {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    authMethods: mechanisms,
    disableReverseLookup: true,
    onAuth(auth, session, done) {
        if (!proves(auth)) return done(new Error('Invalid username or password'));
        session.mechanism = auth.method;
        return done(null, { user: auth.username });
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
};

const listening = async ([name, mode]) => {
    const server = new SMTPServer({ ...settings, ...mode });
    server.on('error', (error) => process.stderr.write(`${error.message}\n`));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    return [name, server.server.address().port];
};

const ports = await Promise.all([
    ['starttls', {}],
    ['implicit', { secure: true }],
    ['clear', { hideSTARTTLS: true, allowInsecureAuth: true }],
].map(listening));
print({ ports: Object.fromEntries(ports) });
