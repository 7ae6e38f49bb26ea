#include "smtpload.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct message message;

static const char END_OF_DATA[] = ".\r\n";

static void base64(char *out, size_t room, const char *bytes, size_t size) {
    if (4 * ((size + 2) / 3) + 1 > room) {
        fputs("smtpload: user name or password too long\n", stderr);
        exit(64);
    }
    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes, (int)size);
}

static void build_credentials(void) {
    const char *user = options.user, *password = options.password;
    char text[3000];
    int size = 0;
    switch (options.auth) {
    case AUTH_NONE:
    case AUTH_SCRAM_SHA_256: return;
    case AUTH_LOGIN:
        base64(message.username, sizeof message.username, user, strlen(user));
        base64(message.password, sizeof message.password, password, strlen(password));
        return;
    case AUTH_PLAIN: size = snprintf(text, sizeof text, "%c%s%c%s", 0, user, 0, password); break;
    case AUTH_XOAUTH2:
        size = snprintf(text, sizeof text, "user=%s\1auth=Bearer %s\1\1", user, password);
        break;
    }
    base64(message.initial, sizeof message.initial, text, (size_t)size);
}

/* Lines of 80 octets, the last one shorter, up to the size asked for. */
static size_t fill(char *text, size_t used, size_t size) {
    while (used < size) {
        size_t line = size - used > 80 ? 80 : size - used;
        if (line < 3) line = 3;
        memset(text + used, 'X', line - 2);
        memcpy(text + used + line - 2, "\r\n", 2);
        used += line;
    }
    return used;
}

void build_message(void) {
    size_t room = (size_t)options.size + 2048;
    message.text = malloc(room);
    if (message.text == NULL) abort();
    int used = snprintf(message.text, room,
                        "From: <%s>\r\nTo: <%s>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
                        "Message-ID: <load.%d@client.example.com>\r\nSubject: load test\r\n\r\n",
                        options.sender, options.recipient, (int)getpid());
    if (used < 0 || (size_t)used > 1024) {
        fputs("smtpload: addresses too long\n", stderr);
        exit(64);
    }
    message.chunk_size = fill(message.text, (size_t)used, (size_t)options.size);
    memcpy(message.text + message.chunk_size, END_OF_DATA, sizeof END_OF_DATA - 1);
    message.size = message.chunk_size + sizeof END_OF_DATA - 1;
    build_credentials();
}
