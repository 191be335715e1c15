/* SPDX-License-Identifier: ISC */
/* A back end by the words of Xen's public header io/blkif.h, and of Linux' xenbus for its states. */
#include "xen_fake_blkback.h"
#include "test.h"
#include "xen_fake.h"
#include "xen_fake_grants.h"
#include "xen_fake_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

blkback blk_back;

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

void blkback_set(const char *name, const char *value)
{
    fake_store_set(path_of(BLKBACK_BACK, name), value);
}

void blkback_set_number(const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    blkback_set(name, text);
}

void blkback_set_state(unsigned state)
{
    blkback_set_number("state", state);
}

unsigned blkback_front_state(void)
{
    return number_of(BLKBACK_FRONT, "state");
}

void blkback_attach(void)
{
    blkback_set_number("max-ring-page-order", 4);
    blkback_set_number("feature-max-indirect-segments", BLKBACK_SEGMENTS_MAX);
    blkback_set("feature-persistent", "1");
    blkback_set("feature-flush-cache", "1");
    blkback_set("feature-barrier", "1");
    blkback_set("feature-discard", "1");
    blkback_set("mode", "w");
    blkback_set("info", "0");
    blkback_set("sector-size", "512");
    blkback_set_number("sectors", BLKBACK_UNITS);
    blkback_set_state(INIT_WAIT);
    fake_store_set(BLKBACK_FRONT "/backend-id", "3");
    fake_store_set(BLKBACK_FRONT "/state", "1");
    fake_store_set(BLKBACK_FRONT "/backend", BLKBACK_BACK);
    blk_back.is_leaving = false;
}

void blkback_detach(void)
{
    blk_back.is_leaving = true;
    blkback_set_state(CLOSING);
}

/* Mappings. */

static uint8_t *map(uint32_t ref, bool writes)
{
    if (!blk_back.is_persistent)
        return fake_map(ref, writes);
    assert_true(ref < BLKBACK_REFS_MAX);
    if (!blk_back.mapped[ref])
        blk_back.pages[ref] = fake_map(ref, true);
    blk_back.mapped[ref] = blk_back.pages[ref] != NULL;
    return blk_back.pages[ref];
}

static void unmap(uint32_t ref)
{
    if (!blk_back.is_persistent)
        fake_unmap(ref);
}

static void unmap_request(const blkback_request *request)
{
    for (unsigned i = 0; i < request->segment_count; i++)
        unmap(request->segments[i].ref);
    if (request->is_indirect)
        unmap(request->list_ref);
}

static void do_request(const blkback_request *request);

void blkback_let_go(void)
{
    for (unsigned i = 0; i < blk_back.held_count; i++) {
        do_request(&blk_back.held[i]);
        unmap_request(&blk_back.held[i]);
    }
    blk_back.held_count = 0;
    for (uint32_t ref = 0; ref < BLKBACK_REFS_MAX; ref++)
        if (blk_back.mapped[ref])
            fake_unmap(ref);
    memset(blk_back.mapped, 0, sizeof blk_back.mapped);
    for (unsigned i = 0; i < blk_back.ring_pages; i++)
        fake_unmap(blk_back.refs[i]);
    blk_back.ring_pages = 0;
    blk_back.holds = false;
}

static void disconnect(void)
{
    blk_back.ring = NULL;
    if (!blk_back.holds)
        blkback_let_go();
}

void blkback_vanish(void)
{
    fake_store_set(BLKBACK_FRONT, NULL);
    fake_store_set(BLKBACK_BACK, NULL);
    disconnect();
}

static void connect(void)
{
    const char *protocol = fake_store_get(BLKBACK_FRONT "/protocol");
    const unsigned order = number_of(BLKBACK_FRONT, "ring-page-order");
    assert_non_null(protocol);
    assert_string_equal(protocol, "x86_64-abi");
    assert_int_equal(blk_back.ring_pages, 0);
    assert_true(order <= number_of(BLKBACK_BACK, "max-ring-page-order"));
    for (unsigned i = 0; i < 1u << order; i++) {
        char name[24];
        snprintf(name, sizeof name, "ring-ref%u", i);
        blk_back.refs[i] = number_of(BLKBACK_FRONT, order > 0 ? name : "ring-ref");
        uint8_t *page = fake_map(blk_back.refs[i], true);
        assert_non_null(page);
        if (i == 0)
            blk_back.ring = (xen_ring_page *)(void *)page;
        else /* (as the front has them, since it is the same process) */
            assert_ptr_equal(page, (uint8_t *)blk_back.ring + i * XEN_PAGE_BYTES);
    }
    blk_back.ring_pages = 1u << order;
    blk_back.port = number_of(BLKBACK_FRONT, "event-channel");
    assert_true(blk_back.port != 0);
    blk_back.is_persistent = number_of(BLKBACK_BACK, "feature-persistent") == 1 &&
                             number_of(BLKBACK_FRONT, "feature-persistent") == 1;
    blk_back.segments_max = number_of(BLKBACK_BACK, "feature-max-indirect-segments");
    blk_back.taken = 0;
    blkback_set_state(CONNECTED);
}

void blkback_run(void)
{
    const unsigned front = blkback_front_state(), own = number_of(BLKBACK_BACK, "state");
    if (blk_back.is_lazy)
        return;
    if (front == INITIALISED && own == INIT_WAIT) {
        connect();
    } else if (front == CLOSING && own == CONNECTED) {
        disconnect();
        blkback_set_state(CLOSING);
    } else if ((front == CLOSED || front == 0) && own != CLOSED && own != 0) {
        disconnect();
        blkback_set_state(CLOSED);
    } else if (front == INITIALISING && own == CLOSED) {
        blkback_set_state(INIT_WAIT);
    }
    if (blk_back.is_leaving && number_of(BLKBACK_BACK, "state") == CLOSED) {
        fake_store_set(BLKBACK_FRONT, NULL);
        fake_store_set(BLKBACK_BACK, NULL);
        blk_back.is_leaving = false;
    }
    if (blk_back.serves)
        (void)blkback_serve();
}

/* Requests. */

static uint8_t *place(uint32_t number)
{
    const uint32_t places = XEN_RING_PLACES_IN(blk_back.ring_pages, sizeof(blkif_request));
    return (uint8_t *)blk_back.ring + 64 + number % places * sizeof(blkif_request);
}

/* The segments lie one behind the other, in pages that are used once. */
static void map_segments(blkback_request *request)
{
    for (unsigned i = 0; i < request->segment_count; i++) {
        const blkif_segment *segment = &request->segments[i];
        assert_true(segment->first <= segment->last && segment->last < 8);
        request->unit_count += segment->last - segment->first + 1u;
        request->pages[i] = map(segment->ref, request->operation == BLKIF_READ);
        assert_non_null(request->pages[i]);
        for (unsigned other = 0; other < i; other++)
            assert_int_not_equal(request->segments[other].ref, segment->ref);
    }
}

static void take_one(blkback_request *request)
{
    blkif_request own;
    memcpy(&own, place(blk_back.taken), sizeof own);
    *request = (blkback_request){.id = own.id, .unit = own.unit, .operation = own.operation};
    if (own.operation == BLKIF_INDIRECT) {
        blkif_indirect indirect;
        memcpy(&indirect, place(blk_back.taken), sizeof indirect);
        assert_in_range(indirect.segment_count, 1, blk_back.segments_max);
        assert_int_equal(indirect.handle, 51712);
        request->is_indirect = true;
        request->operation = indirect.indirect_operation;
        request->segment_count = indirect.segment_count;
        request->list_ref = indirect.refs[0];
        const uint8_t *list = map(request->list_ref, false);
        assert_non_null(list);
        memcpy(request->segments, list, indirect.segment_count * sizeof request->segments[0]);
        blk_back.indirect++;
    } else if (own.operation == BLKIF_DISCARD) {
        blkif_discard discard;
        memcpy(&discard, place(blk_back.taken), sizeof discard);
        assert_int_equal(discard.flags, 0);
        request->unit_count = discard.unit_count;
    } else {
        assert_in_range(own.segment_count, own.operation == BLKIF_FLUSH ? 0 : 1,
                        own.operation == BLKIF_FLUSH ? 0 : BLKIF_SEGMENTS_MAX);
        assert_int_equal(own.handle, 51712);
        request->segment_count = own.segment_count;
        memcpy(request->segments, own.segments, own.segment_count * sizeof own.segments[0]);
    }
    blk_back.taken++;
    map_segments(request);
    blk_back.units_max =
        request->unit_count > blk_back.units_max ? (unsigned)request->unit_count : blk_back.units_max;
}

unsigned blkback_take(unsigned max)
{
    unsigned count = 0;
    if (blk_back.ring == NULL)
        return 0;
    for (; count < max && blk_back.taken != blk_back.ring->request_produced; count++) {
        assert_true(blk_back.held_count < BLKBACK_HELD_MAX);
        take_one(&blk_back.held[blk_back.held_count++]);
    }
    blk_back.ring->request_event = blk_back.taken + 1;
    return count;
}

static void do_request(const blkback_request *request)
{
    uint8_t *at = blk_back.disk + request->unit * BLKIF_UNIT_BYTES;
    if (request->unit + request->unit_count > BLKBACK_UNITS)
        return;
    blk_back.reads += request->operation == BLKIF_READ;
    blk_back.writes += request->operation == BLKIF_WRITE;
    blk_back.flushes += request->operation == BLKIF_FLUSH;
    blk_back.discards += request->operation == BLKIF_DISCARD;
    if (request->operation == BLKIF_DISCARD)
        memset(at, 0, request->unit_count * BLKIF_UNIT_BYTES);
    for (unsigned i = 0; i < request->segment_count; i++) {
        const blkif_segment *segment = &request->segments[i];
        uint8_t *bytes = request->pages[i] + segment->first * BLKIF_UNIT_BYTES;
        const size_t len = (segment->last - segment->first + 1u) * BLKIF_UNIT_BYTES;
        if (request->operation == BLKIF_READ)
            memcpy(bytes, at, len);
        else
            memcpy(at, bytes, len);
        at += len;
    }
}

void blkback_put(uint64_t id, int16_t status)
{
    const blkif_answer answer = {.id = id, .status = status};
    memcpy(place(blk_back.ring->answer_produced), &answer, sizeof answer);
    blk_back.ring->answer_produced++;
}

void blkback_notify(void)
{
    const uint32_t behind = blk_back.ring->answer_produced - blk_back.ring->answer_event;
    if (behind < BLKBACK_HELD_MAX) /* at or past what it asked for */
        fake_send(blk_back.port);
}

void blkback_answer(unsigned index)
{
    const blkback_request request = blk_back.held[index];
    assert_true(index < blk_back.held_count);
    blk_back.held_count--;
    memmove(&blk_back.held[index], &blk_back.held[index + 1],
            (blk_back.held_count - index) * sizeof blk_back.held[0]);
    const bool is_outside = request.unit + request.unit_count > BLKBACK_UNITS;
    if (blk_back.status == BLKIF_OKAY)
        do_request(&request);
    unmap_request(&request);
    blkback_put(request.id, blk_back.status == BLKIF_OKAY && is_outside ? BLKIF_ERROR : blk_back.status);
    blkback_notify();
}

unsigned blkback_serve(void)
{
    unsigned count = 0;
    while (blk_back.ring != NULL && (blk_back.held_count > 0 || blkback_take(1) > 0)) {
        blkback_answer(0);
        count++;
    }
    return count;
}
