#include "smtpload.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST = 32, MESSAGE = 1024 };

/* A server that keeps verifiers shows the same salt each time, and then the client may keep what
 * follows from it, too (RFC 5802 5.1). */
static struct {
    char salt[128];
    long iterations;
    unsigned char client_key[DIGEST], stored_key[DIGEST];
} known;

static void encode(char *out, const void *bytes, size_t size) {
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)size);
}

/* The octets that come out, or -1; OpenSSL counts those of the padding, too. */
static int decode(char *out, const char *text, size_t room) {
    size_t size = strcspn(text, "\r\n,");
    if (size % 4 || size / 4 * 3 >= room) return -1;
    int octets = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)size);
    while (octets > 0 && size && text[--size] == '=') octets--;
    if (octets >= 0) out[octets] = '\0';
    return octets;
}

static void hmac(unsigned char *out, const unsigned char *key, const char *text) {
    HMAC(EVP_sha256(), key, DIGEST, (const unsigned char *)text, strlen(text), out, NULL);
}

static bool derive(const char *salt, long iterations) {
    if (iterations == known.iterations && strcmp(salt, known.salt) == 0) return true;
    char octets[sizeof known.salt];
    int size = strlen(salt) < sizeof known.salt ? decode(octets, salt, sizeof octets) : -1;
    if (size < 0 || iterations < 1) return false;
    unsigned char salted[DIGEST];
    PKCS5_PBKDF2_HMAC(options.password, (int)strlen(options.password), (unsigned char *)octets, size,
                      (int)iterations, EVP_sha256(), DIGEST, salted);
    hmac(known.client_key, salted, "Client Key");
    EVP_Digest(known.client_key, DIGEST, known.stored_key, NULL, EVP_sha256(), NULL);
    strcpy(known.salt, salt);
    known.iterations = iterations;
    return true;
}

/* Without "n,,". User names with a comma or an equals sign are not for this generator. */
static void bare_first(struct connection *c, char *out, size_t room) {
    snprintf(out, room, "n=%s,r=%s", options.user, c->nonce);
}

void scram_first(struct connection *c, char *out, size_t room) {
    unsigned char random[18];
    char bare[MESSAGE], text[MESSAGE + 8];
    if (RAND_bytes(random, sizeof random) != 1) abort();
    encode(c->nonce, random, sizeof random);
    bare_first(c, bare, sizeof bare);
    int size = snprintf(text, sizeof text, "n,,%s", bare);
    if ((size_t)size * 4 / 3 + 5 > room) abort();
    encode(out, text, (size_t)size);
}

/* NULL, or what is wrong with the challenge. */
const char *scram_final(struct connection *c, const char *challenge, char *out, size_t room) {
    char server[MESSAGE], nonce[256], salt[128];
    long iterations;
    if (decode(server, challenge, sizeof server) < 0) return "not base64";
    if (sscanf(server, "r=%255[^,],s=%127[^,],i=%ld", nonce, salt, &iterations) != 3 ||
        strncmp(nonce, c->nonce, strlen(c->nonce)) != 0)
        return "no SCRAM challenge to us";
    if (!derive(salt, iterations)) return "no salt";

    char bare[MESSAGE], final[MESSAGE], text[3 * MESSAGE], proof[64];
    bare_first(c, bare, sizeof bare);
    snprintf(final, sizeof final, "c=biws,r=%s", nonce);
    snprintf(text, sizeof text, "%s,%s,%s", bare, server, final);
    unsigned char signature[DIGEST];
    hmac(signature, known.stored_key, text);
    for (int i = 0; i < DIGEST; i++) signature[i] ^= known.client_key[i];
    encode(proof, signature, DIGEST);
    int size = snprintf(text, sizeof text, "%s,p=%s", final, proof);
    if ((size_t)size * 4 / 3 + 5 > room) abort();
    encode(out, text, (size_t)size);
    return NULL;
}
