/* SPDX-License-Identifier: ISC */
/* The identification of SD cards: see sd.h. Source: SD Specifications, Part 1, Physical Layer
 * Simplified Specification (the numbers in parentheses are its sections), and QEMU's model of a card.
 * Cards without the command of speeds (version 1.0) stay at 25 MHz; MMC and eMMC are not known. Not
 * exercised by any emulator: a card that takes its time, damaged answers, cards of version 1; a test
 * plays these. */
#include "sd.h"
#include <fata/fiber.h>

enum { GO_IDLE = 0, ALL_SEND_CID = 2, SEND_RELATIVE_ADDRESS = 3, SWITCH_FUNCTION = 6, SELECT = 7,
       SEND_IF_COND = 8, SEND_CSD = 9, SET_BLOCK_BYTES = 16, APPLICATION = 55,
       /* behind APPLICATION: */
       SET_BUS_WIDTH = 6, SEND_OP_COND = 41 };
#define IDENTIFY_HZ 400000u
#define DEFAULT_HZ 25000000u
#define FAST_HZ 50000000u
/* 4.3.13: 2.7 to 3.6 V, and a pattern that comes back. */
#define IF_COND 0x1aau
/* 4.2.3: the OCR. */
#define OCR_VOLTAGES 0x00ff8000u
#define OCR_LARGE 0x40000000u
#define OCR_READY 0x80000000u
#define POWER_UP_NS FA_NS_PER_S
#define POWER_UP_STEP_MS 10u
#define BUS_WIDTH_4 2u
/* 4.3.10: group 1 to function 1, the other groups stay; the answer says what group 1 has. */
#define SWITCH_TO_FAST 0x80fffff1u
#define SWITCH_BYTES 64u
#define SWITCH_GROUP_1 16u
#define CLASS_SWITCH 10u
/* 5.3.3: sizes count in 512 KiB. */
#define LARGE_UNIT_SECTORS 1024u
#define CSD_VERSION_1 0u
#define CSD_VERSION_2 1u

static fa_err give(sd_host *host, unsigned number, uint32_t argument, sd_answer kind,
                   uint32_t *answer_out)
{
    sd_command command = {.number = number, .argument = argument, .kind = kind};
    const fa_err err = host->command(host, &command);
    if (answer_out != NULL)
        *answer_out = command.answer[0];
    return err;
}

static fa_err give_application(sd_host *host, uint32_t address, unsigned number, uint32_t argument,
                               sd_answer kind, uint32_t *answer_out)
{
    const fa_err err = give(host, APPLICATION, address, SD_R1, NULL);
    return err == FA_OK ? give(host, number, argument, kind, answer_out) : err;
}

/* 4.2.3: until the card is powered up. FA_ENOENT: it has answered nothing at all. */
static fa_err power_up(sd_host *host, bool is_version_2, bool *is_large_out, fa_deadline deadline)
{
    const fa_deadline own = fa_after_ns(POWER_UP_NS), end = own < deadline ? own : deadline;
    for (bool has_answered = false;; has_answered = true) {
        uint32_t ocr;
        fa_err err = give_application(host, 0, SEND_OP_COND,
                                      OCR_VOLTAGES | (is_version_2 ? OCR_LARGE : 0), SD_R3, &ocr);
        if (err != FA_OK)
            return err == FA_ETIMEDOUT && !has_answered && !is_version_2 ? FA_ENOENT : err;
        *is_large_out = (ocr & OCR_LARGE) != 0;
        if (ocr & OCR_READY)
            return FA_OK;
        if (fa_clock_mono_ns() >= end)
            return FA_ETIMEDOUT;
        err = fa_sleep(fa_after_ms(POWER_UP_STEP_MS));
        if (err != FA_OK)
            return err;
    }
}

/* Bits `last` down to `first` of the CSD, at most 32. */
static uint32_t csd_bits(const uint32_t csd[4], unsigned last, unsigned first)
{
    uint32_t value = 0;
    for (unsigned bit = last + 1; bit-- > first;)
        value = value << 1 | (csd[3 - bit / 32] >> bit % 32 & 1);
    return value;
}

static fa_err read_csd(const uint32_t csd[4], sd_card *card)
{
    const uint32_t version = csd_bits(csd, 127, 126);
    card->read_only = csd_bits(csd, 13, 12) != 0;
    if (version == CSD_VERSION_2) {
        card->sector_count = ((uint64_t)csd_bits(csd, 69, 48) + 1) * LARGE_UNIT_SECTORS;
        return FA_OK;
    }
    const uint32_t block_log = csd_bits(csd, 83, 80);
    if (version != CSD_VERSION_1 || block_log < 9 || block_log > 11)
        return FA_ENOTSUP;
    card->sector_count = ((uint64_t)csd_bits(csd, 73, 62) + 1)
                         << (csd_bits(csd, 49, 47) + 2 + block_log - 9);
    return FA_OK;
}

/* 4.2.2: an address and, with it, what kind of card it is. */
static fa_err select_card(sd_host *host, sd_card *card, uint32_t csd_out[4])
{
    uint32_t answer = 0;
    sd_command csd = {.number = SEND_CSD, .kind = SD_R2};
    fa_err err = give(host, ALL_SEND_CID, 0, SD_R2, NULL);
    if (err == FA_OK)
        err = give(host, SEND_RELATIVE_ADDRESS, 0, SD_R6, &answer);
    card->address = answer & 0xffff0000u;
    csd.argument = card->address;
    if (err == FA_OK)
        err = host->command(host, &csd);
    if (err == FA_OK)
        err = read_csd(csd.answer, card);
    for (unsigned i = 0; i < 4; i++)
        csd_out[i] = csd.answer[i];
    return err == FA_OK ? give(host, SELECT, card->address, SD_R1B, NULL) : err;
}

/* 4.3.10. A card that cannot stays as it is. */
static fa_err try_fast(sd_host *host, sd_card *card, fa_deadline deadline)
{
    uint8_t said[SWITCH_BYTES];
    sd_command command = {.number = SWITCH_FUNCTION, .argument = SWITCH_TO_FAST, .kind = SD_R1};
    if (host->read(host, &command, said, sizeof said, deadline) != FA_OK ||
        (said[SWITCH_GROUP_1] & 0xf) != 1)
        return FA_OK;
    card->is_fast = true;
    return host->set_clock(host, FAST_HZ);
}

static fa_err prepare_transfers(sd_host *host, sd_card *card, const uint32_t csd[4],
                                fa_deadline deadline)
{
    fa_err err = host->set_clock(host, DEFAULT_HZ);
    if (err == FA_OK)
        err = give_application(host, card->address, SET_BUS_WIDTH, BUS_WIDTH_4, SD_R1, NULL);
    if (err != FA_OK)
        return err;
    host->set_four_lines(host, true);
    err = give(host, SET_BLOCK_BYTES, SD_SECTOR_BYTES, SD_R1, NULL);
    if (err == FA_OK && (csd_bits(csd, 95, 84) >> CLASS_SWITCH & 1))
        err = try_fast(host, card, deadline);
    return err;
}

fa_err sd_identify(sd_host *host, sd_card *card_out, fa_deadline deadline)
{
    uint32_t answer = 0, csd[4] = {0};
    bool is_large = false;
    *card_out = (sd_card){0};
    host->set_four_lines(host, false);
    fa_err err = host->set_clock(host, IDENTIFY_HZ);
    if (err == FA_OK)
        err = give(host, GO_IDLE, 0, SD_NO_ANSWER, NULL);
    if (err != FA_OK)
        return err;
    const fa_err told = give(host, SEND_IF_COND, IF_COND, SD_R7, &answer);
    if (told != FA_OK && told != FA_ETIMEDOUT)
        return told;
    if (told == FA_OK && (answer & 0xfff) != IF_COND)
        return FA_ENOTSUP;
    err = power_up(host, told == FA_OK, &is_large, deadline);
    card_out->counts_bytes = !is_large;
    if (err == FA_OK)
        err = select_card(host, card_out, csd);
    return err == FA_OK ? prepare_transfers(host, card_out, csd, deadline) : err;
}
