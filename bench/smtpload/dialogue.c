#include "smtpload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A delayed ACK comes after some 40 ms: a wait this long is Nagle waiting for one, or a slow disk. */
static const double STALL = 0.035;
static const long TOO_MANY_FAILURES = 200;
static const char CLIENT[] = "client.example.com";

static struct connection *all;

static void open_connection(struct connection *c) {
    totals.opened++;
    totals.open++;
    transport_open(c);
}

static void close_connection(struct connection *c) {
    totals.open--;
    transport_close(c);
}

static void open_next(struct connection *c) {
    long begun = options.only_sign_in ? totals.opened : totals.started;
    if (begun < options.messages) open_connection(c);
}

/* Idle connections come up a few at a time: one that is ready opens the next. */
static void open_next_idle(void) {
    if (totals.opened < options.connections) open_connection(&all[totals.opened]);
}

void dialogue_start(struct connection *connections) {
    all = connections;
    long count = options.hold ? options.ramp : options.messages;
    for (long i = 0; i < count && i < options.connections; i++) open_connection(&all[i]);
}

static void say(struct connection *c, enum state state) {
    c->state = state;
    transport_flush(c);
}

static void say_hello(struct connection *c, enum state state) {
    transport_put(c, "EHLO %s\r\n", CLIENT);
    say(c, state);
}

static void put_data(struct connection *c) {
    if (options.chunking) {
        transport_put(c, "BDAT %zu LAST\r\n", message.chunk_size);
        transport_put_body(c, message.text, message.chunk_size);
    } else {
        transport_put(c, "DATA\r\n");
    }
}

static void say_quit(struct connection *c) {
    transport_put(c, "QUIT\r\n");
    say(c, QUIT);
}

static void next_message(struct connection *c) {
    if (options.hold) {
        c->state = IDLE;
        totals.ready++;
        open_next_idle();
        return;
    }
    if (c->sent == options.per_connection || totals.started >= options.messages) {
        if (options.no_quit) {
            close_connection(c);
            open_next(c);
            return;
        }
        say_quit(c);
        return;
    }
    totals.started++;
    c->sent++;
    c->began = now();
    transport_put(c, "MAIL FROM:<%s>\r\n", options.sender);
    if (options.pipelining) {
        transport_put(c, "RCPT TO:<%s>\r\n", options.recipient);
        put_data(c);
    }
    say(c, MAIL);
}

static void ready(struct connection *c) {
    sample(&totals.setup, now() - c->opened);
    if (options.only_sign_in) {
        totals.done++;
        say_quit(c);
    } else {
        next_message(c);
    }
}

static void authenticate(struct connection *c) {
    switch (options.auth) {
    case AUTH_NONE: ready(c); break;
    case AUTH_PLAIN:
    case AUTH_XOAUTH2:
        transport_put(c, "AUTH %s %s\r\n", options.auth == AUTH_PLAIN ? "PLAIN" : "XOAUTH2",
                      message.initial);
        say(c, AUTH_PASSWORD);
        break;
    case AUTH_SCRAM_SHA_256: {
        char first[1500];
        scram_first(c, first, sizeof first);
        transport_put(c, "AUTH SCRAM-SHA-256 %s\r\n", first);
        say(c, AUTH_SCRAM_FIRST);
        break;
    }
    case AUTH_LOGIN:
        transport_put(c, "AUTH LOGIN\r\n");
        say(c, AUTH_START);
        break;
    }
}

static void greeted(struct connection *c) {
    say_hello(c, options.tls == TLS_IMPLICIT ? SECURE_HELLO : HELLO);
}

static void heard_hello(struct connection *c) {
    if (options.tls == TLS_STARTTLS) {
        transport_put(c, "STARTTLS\r\n");
        say(c, STARTTLS);
    } else {
        authenticate(c);
    }
}

static void start_tls(struct connection *c) {
    c->in_used = 0;
    transport_start_tls(c);
}

static void say_username(struct connection *c) {
    transport_put(c, "%s\r\n", message.username);
    say(c, AUTH_USERNAME);
}

static void say_password(struct connection *c) {
    transport_put(c, "%s\r\n", message.password);
    say(c, AUTH_PASSWORD);
}

static void say_proof(struct connection *c) {
    char final[1500];
    const char *fault = scram_final(c, c->line + 4, final, sizeof final);
    if (fault) {
        dialogue_fail(c, "SCRAM", fault);
        return;
    }
    transport_put(c, "%s\r\n", final);
    say(c, AUTH_SCRAM_FINAL);
}

/* The server's proof is not checked: the generator measures. */
static void say_nothing(struct connection *c) {
    transport_put(c, "\r\n");
    say(c, AUTH_PASSWORD);
}

static void say_recipient(struct connection *c) {
    c->state = RCPT;
    if (options.pipelining) return;
    transport_put(c, "RCPT TO:<%s>\r\n", options.recipient);
    say(c, RCPT);
}

static void say_data(struct connection *c) {
    c->state = options.chunking ? BODY : DATA;
    if (options.pipelining) return;
    put_data(c);
    transport_flush(c);
}

static void say_body(struct connection *c) {
    transport_put_body(c, message.text, message.size);
    say(c, BODY);
}

static void message_accepted(struct connection *c) {
    sample(&totals.message, now() - c->began);
    totals.done++;
    next_message(c);
}

static void said_goodbye(struct connection *c) {
    close_connection(c);
    open_next(c);
}

/* In each state: the reply code that we wait for, and what we do then. */
static const struct step {
    const char *name;
    int code;
    void (*then)(struct connection *);
} STEPS[STATES] = {
    [CONNECTING] = {"connect", 0, NULL},
    [HANDSHAKE] = {"TLS handshake", 0, NULL},
    [GREETING] = {"greeting", 220, greeted},
    [HELLO] = {"EHLO", 250, heard_hello},
    [STARTTLS] = {"STARTTLS", 220, start_tls},
    [SECURE_HELLO] = {"EHLO under TLS", 250, authenticate},
    [AUTH_START] = {"AUTH", 334, say_username},
    [AUTH_SCRAM_FIRST] = {"AUTH SCRAM", 334, say_proof},
    [AUTH_SCRAM_FINAL] = {"AUTH SCRAM proof", 334, say_nothing},
    [AUTH_USERNAME] = {"AUTH user name", 334, say_password},
    [AUTH_PASSWORD] = {"AUTH password", 235, ready},
    [MAIL] = {"MAIL", 250, say_recipient},
    [RCPT] = {"RCPT", 250, say_data},
    [DATA] = {"DATA", 354, say_body},
    [BODY] = {"message", 250, message_accepted},
    [QUIT] = {"QUIT", 221, said_goodbye},
    [IDLE] = {"idle", 0, NULL},
};

void dialogue_connected(struct connection *c) {
    c->state = GREETING;
    if (options.tls == TLS_IMPLICIT) transport_start_tls(c);
}

void dialogue_secured(struct connection *c) {
    if (options.tls == TLS_IMPLICIT)
        c->state = GREETING;
    else
        say_hello(c, SECURE_HELLO);
}

void dialogue_reply(struct connection *c, const char *line) {
    const struct step *step = &STEPS[c->state];
    double waited = now() - c->asked;
    sample(&totals.wait, waited);
    if (waited >= STALL) totals.stalls++;
    c->line = line;
    if (step->then == NULL || atoi(line) != step->code)
        dialogue_fail(c, "reply", line);
    else
        step->then(c);
}

void dialogue_ended(struct connection *c) {
    if (c->state == QUIT)
        said_goodbye(c);
    else
        dialogue_fail(c, "connection closed", NULL);
}

void dialogue_fail(struct connection *c, const char *why, const char *detail) {
    if (totals.failed < 5)
        fprintf(stderr, "smtpload: %s: %s %.120s\n", STEPS[c->state].name, why,
                detail ? detail : "");
    if (++totals.failed > TOO_MANY_FAILURES) {
        fputs("smtpload: too many failures\n", stderr);
        exit(1);
    }
    close_connection(c);
    if (options.hold)
        open_next_idle();
    else
        open_next(c);
}
