/* smtpload: an SMTP load generator for servers on this machine. One thread, epoll and OpenSSL, so
 * that the client costs little beside the server that it measures. See options.c for its modes. */
#ifndef SMTPLOAD_H
#define SMTPLOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_mode { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };
enum auth_mode { AUTH_NONE, AUTH_PLAIN, AUTH_LOGIN, AUTH_XOAUTH2, AUTH_SCRAM_SHA_256 };

struct options {
    int port;
    long connections; /* open at the same time */
    long messages;    /* in all */
    long per_connection;
    long size; /* octets of a message */
    enum tls_mode tls;
    enum auth_mode auth;
    const char *user;
    const char *password;
    const char *sender;
    const char *recipient;
    const char *groups; /* key exchange groups, NULL for OpenSSL's own */
    bool pipelining;    /* MAIL, RCPT and DATA in one write */
    bool chunking;      /* BDAT instead of DATA */
    bool resume;        /* TLS session resumption */
    bool no_quit;       /* close without QUIT */
    bool only_sign_in;  /* then QUIT; what is counted are logins */
    long hold;          /* keep idle signed-in connections for so many seconds; send nothing */
    long ramp;          /* with hold: so many connections being set up at a time */
};

enum state {
    CLOSED,
    CONNECTING,
    HANDSHAKE,
    GREETING,
    HELLO,
    STARTTLS,
    SECURE_HELLO,
    AUTH_START,
    AUTH_SCRAM_FIRST,
    AUTH_SCRAM_FINAL,
    AUTH_USERNAME,
    AUTH_PASSWORD,
    MAIL,
    RCPT,
    DATA,
    BODY,
    QUIT,
    IDLE,
    STATES
};

struct connection {
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* kept from one connection of this slot to its next */
    enum state state;
    uint32_t watched;    /* epoll events asked for */
    unsigned generation; /* counts the connections of this slot */
    long sent;           /* messages begun on this connection */
    char nonce[32];      /* SCRAM's, base64 */
    double opened, began, asked; /* when: connect(), MAIL, the last write */

    char in[4096];
    size_t in_used;
    char out[4096];
    size_t out_used, out_sent;
    const char *line; /* of the reply that came last */
    const char *body; /* what follows `out` on the wire */
    size_t body_size, body_sent;
};

/* Message latencies and the like, sorted only when reported. */
struct samples {
    double *seconds;
    size_t count, room;
};

struct totals {
    long started, done, failed, opened, open, ready, handshakes, resumed, stalls;
    struct samples message; /* MAIL written to the reply after the data */
    struct samples setup;   /* connect() to the moment when MAIL may be sent */
    struct samples wait;    /* any write to the next reply */
};

extern struct options options;
extern struct totals totals;

/* options.c */
void parse_options(int argc, char **argv);

/* message.c: all built once, before the clock starts */
struct message {
    char *text; /* headers, body and the final dot */
    size_t size;
    size_t chunk_size; /* without the dot, for BDAT */
    char username[512], password[512], initial[3584]; /* base64 */
};
extern struct message message;
void build_message(void);

/* scram.c: SCRAM-SHA-256 (RFC 5802, RFC 7677), in base64 as SMTP carries it */
void scram_first(struct connection *c, char *out, size_t room);
const char *scram_final(struct connection *c, const char *challenge, char *out, size_t room);

/* transport.c: bytes, in clear or under TLS */
void transport_init(long connections);
void transport_open(struct connection *c);
void transport_close(struct connection *c);
void transport_start_tls(struct connection *c);
void transport_handshake(struct connection *c);
void transport_put(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void transport_put_body(struct connection *c, const char *body, size_t size);
void transport_flush(struct connection *c);
void transport_on_event(struct connection *c, uint32_t events);
int transport_wait(void (*handle)(struct connection *, uint32_t), int milliseconds);

/* dialogue.c: what is said */
void dialogue_start(struct connection *connections);
void dialogue_connected(struct connection *c);
void dialogue_secured(struct connection *c);
void dialogue_reply(struct connection *c, const char *line);
void dialogue_ended(struct connection *c);
void dialogue_fail(struct connection *c, const char *why, const char *detail);

/* report.c */
double now(void);
void sample(struct samples *samples, double seconds);
void report(double elapsed);

#endif
