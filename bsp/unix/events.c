/* SPDX-License-Identifier: ISC */
/* The epoll set. Sources are added once, edge-triggered: afterwards they cost a system call only when
 * something has happened. */
#include "events.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define BATCH 64

static bool telling;
static events_source *to_free;

static void take(void)
{
    struct epoll_event batch[BATCH];
    const int count = epoll_wait(board_events.descriptor, batch, BATCH, 0);
    telling = true;
    for (int i = 0; i < count; i++) {
        events_source *source = batch[i].data.ptr;
        source->news(source, batch[i].events);
    }
    telling = false;
    while (to_free != NULL) {
        events_source *source = to_free;
        to_free = source->next;
        free(source);
    }
}

void events_free(events_source *source)
{
    if (!telling) {
        free(source);
        return;
    }
    source->next = to_free;
    to_free = source;
}

fa_err events_add(int descriptor, events_source *source)
{
    if (board_events.descriptor < 0) {
        const int set = epoll_create1(EPOLL_CLOEXEC);
        if (set < 0)
            return FA_ELIMIT;
        board_events = (events_set){set, take};
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = source};
    if (epoll_ctl(board_events.descriptor, EPOLL_CTL_ADD, descriptor, &event) == 0)
        return FA_OK;
    return errno == ENOMEM ? FA_ENOMEM : FA_ELIMIT;
}
