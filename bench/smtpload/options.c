#include "smtpload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options options = {
    .port = 2525,
    .connections = 20,
    .messages = 1000,
    .per_connection = 1,
    .size = 4096,
    .user = "user@example.com",
    .password = "secret",
    .sender = "a@example.com",
    .recipient = "b@example.net",
    .ramp = 50,
};

static const char USAGE[] =
    "usage: smtpload [options]    loads an SMTP server on 127.0.0.1, prints one JSON object\n"
    "  -p PORT   port                        -s N      connections at the same time\n"
    "  -m N      messages in all             -n N      messages on each connection\n"
    "  -l N      octets of a message         -T        STARTTLS\n"
    "  -W        implicit TLS                -A MECH   login plain scram-sha-256 xoauth2\n"
    "  -u USER   user name                   -f ADDR   sender        -t ADDR  recipient\n"
    "  -P        pipeline MAIL, RCPT, DATA   -B        BDAT instead of DATA\n"
    "  -R        resume TLS sessions         -g LIST   TLS key exchange groups\n"
    "  -Q        close without QUIT          -H N      hold idle connections for N seconds\n"
    "  -i N      with -H: set up N at a time -L        sign in and QUIT: -m is of logins\n"
    "The password, or the token, is read from the environment: SMTPLOAD_PASSWORD.\n";

static long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 1) {
        fprintf(stderr, "smtpload: %s is not a positive number\n", text);
        exit(64);
    }
    return value;
}

static enum auth_mode mechanism(const char *name) {
    if (strcmp(name, "plain") == 0) return AUTH_PLAIN;
    if (strcmp(name, "login") == 0) return AUTH_LOGIN;
    if (strcmp(name, "scram-sha-256") == 0) return AUTH_SCRAM_SHA_256;
    if (strcmp(name, "xoauth2") == 0) return AUTH_XOAUTH2;
    fprintf(stderr, "smtpload: AUTH %s is not spoken here\n", name);
    exit(64);
}

void parse_options(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "p:s:m:n:l:TWA:u:f:t:PBRg:QH:i:L")) != -1) {
        switch (option) {
        case 'p': options.port = (int)number(optarg); break;
        case 's': options.connections = number(optarg); break;
        case 'm': options.messages = number(optarg); break;
        case 'n': options.per_connection = number(optarg); break;
        case 'l': options.size = number(optarg); break;
        case 'T': options.tls = TLS_STARTTLS; break;
        case 'W': options.tls = TLS_IMPLICIT; break;
        case 'A': options.auth = mechanism(optarg); break;
        case 'u': options.user = optarg; break;
        case 'f': options.sender = optarg; break;
        case 't': options.recipient = optarg; break;
        case 'P': options.pipelining = true; break;
        case 'B': options.chunking = true; break;
        case 'R': options.resume = true; break;
        case 'g': options.groups = optarg; break;
        case 'Q': options.no_quit = true; break;
        case 'H': options.hold = number(optarg); break;
        case 'L': options.only_sign_in = true; break;
        case 'i': options.ramp = number(optarg); break;
        default: fputs(USAGE, stderr); exit(64);
        }
    }
    if (getenv("SMTPLOAD_PASSWORD")) options.password = getenv("SMTPLOAD_PASSWORD");
    if (options.hold) options.messages = 0;
}
