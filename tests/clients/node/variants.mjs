// nodemailer's smtp-server, once for each variant in the first argument (JSON): their options, and
// `refuse`: by hook, the code and text of a refusal. Out: one line, the ports in the same order.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const { username, password, variants } = JSON.parse(process.argv[2]);

const refusal = ([code, text]) => Object.assign(new Error(text), { responseCode: code });

const serve = ({ certificate, key, refuse = {}, ...options }) => {
    const hook = (name, result) => (...given) => {
        const done = given[given.length - 1];
        return refuse[name] ? done(refusal(refuse[name])) : done(null, result);
    };
    const server = new SMTPServer({
        cert: readFileSync(certificate),
        key: readFileSync(key),
        disableReverseLookup: true,
        ...options,
        onConnect: hook('connect'),
        onMailFrom: hook('mail'),
        onRcptTo: hook('rcpt'),
        onAuth({ username: given, password: secret }, _session, done) {
            if (refuse.auth) return done(refusal(refuse.auth));
            if (given !== username || secret !== password) return done(new Error('Invalid username or password'));
            return done(null, { user: given });
        },
        onData(stream, _session, done) {
            stream.on('data', () => {});
            stream.on('end', () => {
                if (stream.sizeExceeded) return done(refusal([552, 'Message exceeds fixed maximum message size']));
                return refuse.data ? done(refusal(refuse.data)) : done(null, 'queued');
            });
        },
    });
    server.on('error', () => {}); // clients that break off are meant to
    return new Promise((ready) => {
        server.listen(0, '127.0.0.1', () => ready(server.server.address().port));
    });
};

console.log(JSON.stringify(await Promise.all(variants.map(serve))));
