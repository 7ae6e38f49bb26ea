// Runs programs that use nodemailer, one after the other. In: a JSON object a line, with `code` and
// what the program knows. Out: the same, with `ok` and what the program said.
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { format, inspect } from 'node:util';
import nodemailer from 'nodemailer';

const AsyncFunction = (async () => {}).constructor;
const names = ['nodemailer', 'fs', 'username', 'password', 'token', 'sender', 'recipient', 'subject', 'text', 'raw'];

let said = '';
for (const level of ['debug', 'error', 'info', 'log', 'trace', 'warn']) {
    console[level] = (...words) => { said += `${format(...words)}\n`; };
}

for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const { username, password, sender, recipient, subject, code } = order;
    const raw = `From: ${sender}\nTo: ${recipient}\nSubject: ${subject}\n\nhello\n`;
    process.env.SMTP_USERNAME = username;
    process.env.SMTP_PASSWORD = password;
    let ok = true;
    said = '';
    try {
        const program = new AsyncFunction(...names, code);
        await program(nodemailer, fs, username, password, password, sender, recipient, subject, 'hello\n', raw);
    } catch (error) {
        ok = false;
        said += inspect(error);
    }
    process.stdout.write(`${JSON.stringify({ ok, output: said })}\n`);
}
