/* SPDX-License-Identifier: ISC */
/* SIGTERM as the word to stop, for programs that wait for it; a second one ends the process as it always
 * does. The signal comes at any time, so it only makes a descriptor readable. */
#include "../../sdk/fiber/stop.h"
#include "../plat.h"
#include "events.h"
#include <errno.h>
#include <fata/log.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

FA_LOG_MODULE("stop");

static int descriptor;

static void on_signal(int signal)
{
    const int error = errno;
    const uint64_t one = 1;
    (void)signal;
    (void)!write(descriptor, &one, sizeof one);
    errno = error;
}

static void came(events_source *source, uint32_t events)
{
    (void)source;
    if (events & EPOLLIN)
        fa_stop_request(FA_STOP_OFF);
}

void plat_stop_listen(void)
{
    static events_source source = {.news = came};
    struct sigaction action = {.sa_flags = SA_RESTART | (int)SA_RESETHAND};
    action.sa_handler = on_signal;
    descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0 || events_add(descriptor, &source) != FA_OK ||
        sigaction(SIGTERM, &action, NULL) != 0)
        fa_log_error("SIGTERM will not be heard: %s", strerror(errno));
}
