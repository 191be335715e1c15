/* SPDX-License-Identifier: ISC */
/* SD memory cards: how one is found in its slot and made ready, over what a host controller can do.
 * What is read and written then is the controller's driver's matter.
 *
 *     err = sd_identify(&mmc->host, &mmc->card, deadline);
 */
#ifndef FATA_DRIVERS_SUNXI_SD_H
#define FATA_DRIVERS_SUNXI_SD_H

#include <fata/clock.h>
#include <fata/err.h>

#define SD_SECTOR_BYTES 512u
/* Commands (4.7.4) that controllers' drivers give. */
enum { SD_STOP = 12, SD_SEND_STATUS = 13, SD_READ = 17, SD_READ_MANY = 18, SD_WRITE = 24,
       SD_WRITE_MANY = 25 };
/* Of an answer R1, the card's status (4.10.1): any error; ready for data, in the state "transfer". */
#define SD_STATUS_ERRORS 0xfdf98008u
#define SD_STATUS_READY_MASK 0x1f00u
#define SD_STATUS_READY 0x0900u

typedef enum sd_answer {
    SD_NO_ANSWER,
    SD_R1,
    SD_R1B, /* and then the card may be busy */
    SD_R2,  /* 128 bits */
    SD_R3,  /* without a checksum */
    SD_R6,
    SD_R7,
} sd_answer;

typedef struct sd_command {
    unsigned number;
    uint32_t argument;
    sd_answer kind;
    uint32_t answer[4]; /* bits 127 to 96 first; a short one is the first */
} sd_command;

typedef struct sd_host sd_host;
struct sd_host {
    /* Gives a command and waits for the answer, for at most some ms. FA_ETIMEDOUT: nobody answers;
     * FA_EIO: the answer is damaged. */
    fa_err (*command)(sd_host *host, sd_command *command);
    /* The same, with `len` bytes of data that the card sends. */
    fa_err (*read)(sd_host *host, sd_command *command, uint8_t *bytes_out, size_t len,
                   fa_deadline deadline);
    /* The fastest clock of at most so many Hz. */
    fa_err (*set_clock)(sd_host *host, uint32_t hz);
    void (*set_four_lines)(sd_host *host, bool on);
};

typedef struct sd_card {
    uint32_t address; /* as commands have it: RCA << 16 */
    bool counts_bytes; /* commands name bytes, not sectors */
    bool read_only;
    bool is_fast; /* 50 MHz */
    uint64_t sector_count;
} sd_card;

/* FA_ENOENT: no card answers; FA_ENOTSUP: it is no SD memory card, or one of more than 2 TB; FA_EIO: it
 * answers wrongly; FA_ETIMEDOUT: it does not come to an end; FA_ECANCELED. */
FA_MUST_CHECK fa_err sd_identify(sd_host *host, sd_card *card_out, fa_deadline deadline);

#endif
