/* SPDX-License-Identifier: ISC */
/* A back end by the words of Xen's public header io/netif.h, and of Linux' xenbus for its states. */
#include "xen_fake_netback.h"
#include "test.h"
#include "xen_fake.h"
#include "xen_fake_grants.h"
#include "xen_fake_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

netback back;

static const char *path_of(const char *folder, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static uint32_t number_of(const char *folder, const char *name)
{
    const char *text = fake_store_get(path_of(folder, name));
    return text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

void netback_set(const char *name, const char *value)
{
    fake_store_set(path_of(NETBACK_BACK, name), value);
}

void netback_set_state(unsigned state)
{
    char text[8];
    snprintf(text, sizeof text, "%u", state);
    netback_set("state", text);
}

unsigned netback_front_state(void)
{
    return number_of(NETBACK_FRONT, "state");
}

void netback_attach(void)
{
    static const char *const features[] = {"feature-rx-copy", "feature-sg", "feature-gso-tcpv4",
                                           "feature-split-event-channels"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(features); i++)
        netback_set(features[i], "1");
    netback_set_state(INIT_WAIT);
    fake_store_set(NETBACK_FRONT "/mac", "00:16:3e:0a:Bc:ff");
    fake_store_set(NETBACK_FRONT "/backend-id", "3");
    fake_store_set(NETBACK_FRONT "/state", "1");
    fake_store_set(NETBACK_FRONT "/backend", NETBACK_BACK);
    back.is_leaving = false;
}

void netback_detach(void)
{
    back.is_leaving = true;
    netback_set_state(CLOSING);
}

static void disconnect(void)
{
    if (back.send == NULL)
        return;
    back.send = back.receive = NULL;
    if (!back.keeps_ring) {
        fake_unmap(back.refs[0]);
        fake_unmap(back.refs[1]);
    }
}

void netback_let_go(void)
{
    while (back.held_count > 0)
        fake_unmap(back.held[--back.held_count]);
    if (back.keeps_ring && back.send == NULL) {
        fake_unmap(back.refs[0]);
        fake_unmap(back.refs[1]);
    }
    back.holds = back.keeps_ring = false;
}

static void connect(void)
{
    back.refs[0] = number_of(NETBACK_FRONT, "tx-ring-ref");
    back.refs[1] = number_of(NETBACK_FRONT, "rx-ring-ref");
    back.send = (xen_ring_page *)(void *)fake_map(back.refs[0], true);
    back.receive = (xen_ring_page *)(void *)fake_map(back.refs[1], true);
    assert_non_null(back.send);
    assert_non_null(back.receive);
    back.send_port = number_of(NETBACK_FRONT, "event-channel-tx");
    back.receive_port = number_of(NETBACK_FRONT, "event-channel-rx");
    if (back.send_port == 0)
        back.send_port = back.receive_port = number_of(NETBACK_FRONT, "event-channel");
    assert_true(back.send_port != 0 && back.receive_port != 0);
    assert_int_equal(number_of(NETBACK_FRONT, "request-rx-copy"), 1);
    back.send_taken = back.receive_taken = back.answers = 0;
    netback_set_state(CONNECTED);
}

void netback_run(void)
{
    const unsigned front = netback_front_state(), own = number_of(NETBACK_BACK, "state");
    if (back.is_lazy)
        return;
    if (front == CONNECTED && own == INIT_WAIT) {
        connect();
    } else if (front == CLOSING && own == CONNECTED) {
        disconnect();
        netback_set_state(CLOSING);
    } else if ((front == CLOSED || front == 0) && own != CLOSED && own != 0) {
        disconnect();
        netback_set_state(CLOSED);
    } else if (front == INITIALISING && own == CLOSED) {
        netback_set_state(INIT_WAIT);
    }
    if (back.is_leaving && number_of(NETBACK_BACK, "state") == CLOSED) {
        fake_store_set(NETBACK_FRONT, NULL);
        fake_store_set(NETBACK_BACK, NULL);
        back.is_leaving = false;
    }
}

/* Sent packets. */

static void *place(xen_ring_page *page, uint32_t number, size_t bytes)
{
    return page->places + number % XEN_RING_PLACES(bytes) * bytes;
}

static void notify_if(uint32_t port, uint32_t before, uint32_t after, uint32_t event)
{
    if (after - event < after - before)
        fake_send(port);
}

static void answer_sent(uint16_t id, int16_t status)
{
    const netif_send_answer answer = {id, status};
    memcpy(place(back.send, back.send->answer_produced, sizeof(netif_send_request)), &answer,
           sizeof answer);
    back.send->answer_produced++;
}

bool netback_take(netback_frame *frame)
{
    netif_send_request request;
    const uint32_t before = back.send->answer_produced;
    uint16_t ids[NETIF_SLOTS_MAX + 1];
    uint32_t at = 0;
    memset(frame, 0, offsetof(netback_frame, bytes));
    if (back.send->request_produced == back.send_taken)
        return false;
    do {
        memcpy(&request, place(back.send, back.send_taken++, sizeof request), sizeof request);
        assert_true(frame->parts < NETIF_SLOTS_MAX);
        ids[frame->parts] = request.id;
        if (frame->parts++ == 0) {
            frame->len = request.size;
            frame->flags = request.flags;
            if (request.flags & NETIF_SEND_EXTRA_INFO)
                memcpy(&frame->extra, place(back.send, back.send_taken++, sizeof request),
                       sizeof frame->extra);
        }
        /* (The first part's own size is what the others leave: here, to the end of its page.) */
        const uint8_t *page = fake_map(request.ref, false);
        assert_non_null(page);
        assert_null(fake_map(request.ref, true));
        uint32_t size = request.size;
        if (frame->parts == 1 && request.flags & NETIF_SEND_MORE_DATA) {
            uint32_t others = 0;
            netif_send_request next = request;
            for (uint32_t i = back.send_taken; next.flags & NETIF_SEND_MORE_DATA; i++) {
                memcpy(&next, place(back.send, i, sizeof next), sizeof next);
                others += next.size;
            }
            size -= others;
        }
        frame->first_len = frame->parts == 1 ? size : frame->first_len;
        assert_true(request.offset + size <= XEN_PAGE_BYTES);
        memcpy(frame->bytes + at, page + request.offset, size);
        at += size;
        if (back.holds)
            back.held[back.held_count++] = request.ref;
        else
            fake_unmap(request.ref);
    } while (request.flags & NETIF_SEND_MORE_DATA);
    assert_int_equal(at, frame->len);
    for (unsigned i = 0; i < frame->parts; i++) {
        answer_sent(ids[i], 0);
        if (i == 0 && frame->flags & NETIF_SEND_EXTRA_INFO)
            answer_sent(0xabcd, NETIF_STATUS_NULL);
    }
    back.send->request_event = back.send_taken + 1;
    notify_if(back.send_port, before, back.send->answer_produced, back.send->answer_event);
    return true;
}

/* Packets to receive. */

bool netback_request(netif_receive_request *request)
{
    if (back.receive->request_produced == back.receive_taken)
        return false;
    memcpy(request, place(back.receive, back.receive_taken++, sizeof *request), sizeof *request);
    back.receive->request_event = back.receive_taken + 1;
    return true;
}

void netback_answer(netif_receive_answer answer)
{
    memcpy(place(back.receive, back.receive->answer_produced + back.answers++, sizeof answer), &answer,
           sizeof answer);
}

void netback_push_some(uint32_t count)
{
    const uint32_t before = back.receive->answer_produced;
    back.receive->answer_produced += count;
    back.answers -= count;
    notify_if(back.receive_port, before, back.receive->answer_produced, back.receive->answer_event);
}

void netback_push(void)
{
    netback_push_some(back.answers);
}

bool netback_put(const uint8_t *bytes, size_t len, uint16_t flags, size_t part, size_t offset,
                 unsigned extras)
{
    netif_receive_request request;
    for (size_t at = 0; at < len; at += part) {
        const size_t here = len - at < part ? len - at : part;
        if (!netback_request(&request))
            return false;
        uint8_t *page = fake_map(request.ref, true);
        assert_non_null(page);
        memcpy(page + offset, bytes + at, here);
        fake_unmap(request.ref);
        uint16_t own = at == 0 ? flags : 0;
        own |= at + part < len ? NETIF_RECEIVE_MORE_DATA : 0;
        own |= at == 0 && extras > 0 ? NETIF_RECEIVE_EXTRA_INFO : 0;
        netback_answer((netif_receive_answer){request.id, (uint16_t)offset, own, (int16_t)here});
        for (unsigned i = 0; at == 0 && i < extras; i++) {
            const netif_extra extra = {.type = NETIF_EXTRA_GSO,
                                       .flags = i + 1 < extras ? NETIF_EXTRA_FLAG_MORE : 0,
                                       .gso_size = 1448};
            netif_receive_answer in_its_place;
            if (!netback_request(&request))
                return false;
            memcpy(&in_its_place, &extra, sizeof in_its_place);
            netback_answer(in_its_place);
        }
    }
    return true;
}
