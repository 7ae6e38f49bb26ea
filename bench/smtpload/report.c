#define _GNU_SOURCE
#include "smtpload.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void sample(struct samples *samples, double seconds) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->seconds = realloc(samples->seconds, samples->room * sizeof *samples->seconds);
        if (samples->seconds == NULL) abort();
    }
    samples->seconds[samples->count++] = seconds;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_quantiles(const char *name, struct samples *samples) {
    if (samples->count == 0) return;
    qsort(samples->seconds, samples->count, sizeof *samples->seconds, ascending);
    const double *sorted = samples->seconds;
    size_t count = samples->count;
    printf("\"%s_ms\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}, ", name,
           sorted[count / 2] * 1e3, sorted[count * 99 / 100] * 1e3, sorted[count - 1] * 1e3);
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void report(double elapsed) {
    printf("{");
    print_quantiles("message", &totals.message);
    print_quantiles("setup", &totals.setup);
    print_quantiles("wait", &totals.wait);
    printf("\"messages\": %ld, \"failed\": %ld, \"connections\": %ld, \"ready\": %ld, "
           "\"handshakes\": %ld, \"resumed\": %ld, \"stalls\": %ld, \"seconds\": %.4f, "
           "\"rate\": %.1f, \"client_cpu_seconds\": %.4f}\n",
           totals.done, totals.failed, totals.opened, totals.ready, totals.handshakes,
           totals.resumed, totals.stalls, elapsed, (double)totals.done / elapsed, cpu_seconds());
    fflush(stdout);
}
