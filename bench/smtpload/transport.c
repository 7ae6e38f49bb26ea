#define _GNU_SOURCE
#include "smtpload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 65536, EVENTS = 512 };
enum outcome { AGAIN = -1, ENDED = 0 }; /* of a read or write that moved no bytes */

static int epoll;
static SSL_CTX *tls_context;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct connection *c = SSL_get_app_data(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1; /* the reference is ours now */
}

void transport_init(long connections) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if ((rlim_t)connections + 16 > files.rlim_cur) {
        fprintf(stderr, "smtpload: at most %ju open files are allowed\n", (uintmax_t)files.rlim_cur);
        exit(1);
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");

    tls_context = SSL_CTX_new(TLS_client_method());
    /* The generator measures; whether a certificate is trusted is not its question. */
    SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    if (options.groups && SSL_CTX_set1_groups_list(tls_context, options.groups) != 1) {
        fputs("smtpload: unknown key exchange group\n", stderr);
        exit(64);
    }
    if (options.resume) {
        SSL_CTX_set_session_cache_mode(tls_context,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(tls_context, keep_session);
    }
}

static void watch(struct connection *c, uint32_t events) {
    if (c->watched == events) return;
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event);
    c->watched = events;
}

void transport_open(struct connection *c) {
    c->in_used = c->out_used = c->out_sent = 0;
    c->body = NULL;
    c->body_size = c->body_sent = 0;
    c->sent = 0;
    c->watched = 0;
    c->generation++;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->opened = c->asked = now();
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect");
    watch(c, EPOLLOUT);
}

void transport_close(struct connection *c) {
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        c->ssl = NULL;
        ERR_clear_error(); /* one queue serves all connections */
    }
    close(c->fd);
    c->state = CLOSED;
}

void transport_start_tls(struct connection *c) {
    c->ssl = SSL_new(tls_context);
    SSL_set_app_data(c->ssl, c);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_tlsext_host_name(c->ssl, "localhost");
    if (c->session) SSL_set_session(c->ssl, c->session);
    c->state = HANDSHAKE;
    transport_handshake(c);
}

static void fail_with_tls_error(struct connection *c, const char *why) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    dialogue_fail(c, why, text);
}

void transport_handshake(struct connection *c) {
    int result = SSL_connect(c->ssl);
    if (result == 1) {
        totals.handshakes++;
        totals.resumed += SSL_session_reused(c->ssl);
        watch(c, EPOLLIN);
        dialogue_secured(c);
        return;
    }
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ: watch(c, EPOLLIN); break;
    case SSL_ERROR_WANT_WRITE: watch(c, EPOLLIN | EPOLLOUT); break;
    default: fail_with_tls_error(c, "TLS handshake");
    }
}

void transport_put(struct connection *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof c->out - c->out_used;
    int size = vsnprintf(c->out + c->out_used, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= room) {
        fputs("smtpload: command too long\n", stderr);
        exit(1);
    }
    c->out_used += (size_t)size;
}

void transport_put_body(struct connection *c, const char *body, size_t size) {
    c->body = body;
    c->body_size = size;
    c->body_sent = 0;
}

/* Bytes moved, AGAIN, or ENDED with errno 0 when OpenSSL or the peer ended it. */
static long outcome_of(struct connection *c, long moved) {
    if (moved > 0) return moved;
    if (c->ssl) {
        int error = SSL_get_error(c->ssl, (int)moved);
        if (error == SSL_ERROR_WANT_READ) return AGAIN;
        if (error == SSL_ERROR_WANT_WRITE) {
            watch(c, EPOLLIN | EPOLLOUT);
            return AGAIN;
        }
        return ENDED;
    }
    return moved < 0 && errno == EAGAIN ? AGAIN : ENDED;
}

static long write_some(struct connection *c, const char *bytes, size_t size) {
    if (c->ssl) return outcome_of(c, SSL_write(c->ssl, bytes, size > PIECE ? PIECE : (int)size));
    return outcome_of(c, send(c->fd, bytes, size, MSG_NOSIGNAL));
}

static long read_some(struct connection *c, char *bytes, size_t room) {
    if (c->ssl) return outcome_of(c, SSL_read(c->ssl, bytes, (int)room));
    return outcome_of(c, recv(c->fd, bytes, room, 0));
}

/* Write what is pending, or as much as the socket takes; the rest goes when it is writable. */
void transport_flush(struct connection *c) {
    for (;;) {
        bool commands = c->out_sent < c->out_used;
        if (!commands && c->body_sent == c->body_size) break;
        const char *bytes = commands ? c->out + c->out_sent : c->body + c->body_sent;
        size_t size = commands ? c->out_used - c->out_sent : c->body_size - c->body_sent;
        long moved = write_some(c, bytes, size);
        if (moved == AGAIN) {
            if (!c->ssl) watch(c, EPOLLIN | EPOLLOUT);
            return;
        }
        if (moved == ENDED) {
            dialogue_fail(c, "write", strerror(errno));
            return;
        }
        *(commands ? &c->out_sent : &c->body_sent) += (size_t)moved;
    }
    c->out_used = c->out_sent = 0;
    c->body_size = c->body_sent = 0;
    c->asked = now();
    watch(c, EPOLLIN);
}

/* Hand over each complete reply; only the last line of one has a space after its code. */
static void parse(struct connection *c) {
    unsigned generation = c->generation;
    char *line = c->in, *end;
    while ((end = memchr(line, '\n', c->in_used - (size_t)(line - c->in)))) {
        *end = '\0';
        bool last = end - line < 4 || line[3] != '-';
        if (last) dialogue_reply(c, line);
        if (c->generation != generation || c->state == CLOSED) return;
        if (c->in_used == 0) return; /* forgotten: TLS begins */
        line = end + 1;
    }
    c->in_used -= (size_t)(line - c->in);
    memmove(c->in, line, c->in_used);
}

static void read_replies(struct connection *c) {
    unsigned generation = c->generation;
    while (c->state != CLOSED && c->state != HANDSHAKE && c->generation == generation) {
        if (c->in_used == sizeof c->in) {
            dialogue_fail(c, "reply too long", NULL);
            return;
        }
        size_t room = sizeof c->in - c->in_used;
        long moved = read_some(c, c->in + c->in_used, room);
        if (moved == AGAIN) return;
        if (moved == ENDED) {
            dialogue_ended(c);
            return;
        }
        c->in_used += (size_t)moved;
        bool drained = !c->ssl && (size_t)moved < room;
        parse(c);
        if (drained) return; /* saves a system call; epoll is level-triggered */
    }
}

void transport_on_event(struct connection *c, uint32_t events) {
    unsigned generation = c->generation;
    if (c->state == CLOSED) return;
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            dialogue_fail(c, "connect", strerror(error));
            return;
        }
        watch(c, EPOLLIN);
        dialogue_connected(c);
        return;
    }
    if (c->state == HANDSHAKE) {
        transport_handshake(c);
        if (c->state == HANDSHAKE) return;
    }
    bool pending = c->out_used || c->body_size;
    if (pending) transport_flush(c);
    if (c->generation != generation || c->state == CLOSED) return;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_replies(c);
}

int transport_wait(void (*handle)(struct connection *, uint32_t), int milliseconds) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, milliseconds);
    for (int i = 0; i < count; i++) handle(events[i].data.ptr, events[i].events);
    return count;
}
