#include "smtpload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const double PATIENCE = 30; /* seconds without any progress */
static const int TICK = 1000;      /* milliseconds */

struct totals totals;

static long progress(void) { return totals.done + totals.failed + totals.ready + totals.opened; }

/* Turn the loop until `finished`, or until nothing has moved for long. */
static bool run(bool (*finished)(void)) {
    double moved_at = now();
    long moved = progress();
    while (!finished()) {
        transport_wait(transport_on_event, TICK);
        if (progress() != moved) {
            moved = progress();
            moved_at = now();
        } else if (now() - moved_at > PATIENCE) {
            fprintf(stderr, "smtpload: stalled with %ld messages done\n", totals.done);
            return false;
        }
    }
    return true;
}

static bool all_sent(void) { return totals.open == 0; }
static bool all_idle(void) { return totals.ready + totals.failed >= options.connections; }

static void hold(double start) {
    report(now() - start); /* tells the caller that the connections stand */
    double end = now() + (double)options.hold;
    while (now() < end) transport_wait(transport_on_event, TICK);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    build_message();
    transport_init(options.connections);
    struct connection *connections = calloc((size_t)options.connections, sizeof *connections);
    if (connections == NULL) abort();

    double start = now();
    dialogue_start(connections);
    bool complete = run(options.hold ? all_idle : all_sent);
    if (options.hold && complete)
        hold(start);
    else
        report(now() - start);
    return complete && totals.failed == 0 ? 0 : 1;
}
