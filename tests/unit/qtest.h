/* SPDX-License-Identifier: ISC */
/* A machine of QEMU that runs no instruction, for drivers that run in a test: its devices' registers by
 * the protocol qtest, its memory in a file that is mapped here, one network device of its at a socket
 * of ours, and its cable by QMP. What takes longer than QTEST_LIMIT_S fails the test. */
#ifndef FATA_TESTS_UNIT_QTEST_H
#define FATA_TESTS_UNIT_QTEST_H

#include <fata/base.h>

#define QTEST_LIMIT_S 30u
#define QTEST_MEMORY_BYTES ((size_t)512 << 20)

/* From the machine's address 0 on. */
extern uint8_t *qtest_memory;

/* Starts `qemu` with such a machine and network device; false: it says why not. */
bool qtest_start(const char *qemu, const char *machine, const char *nic);
void qtest_end(void);

uint32_t qtest_read(uint32_t address);
void qtest_write(uint32_t address, uint32_t value);
/* Whether that line of the interrupt controller is up, when QEMU has answered last. */
bool qtest_interrupt(unsigned line);
/* Between two of its answers, of which this was the `tries`th. */
void qtest_pause(unsigned tries);

void qtest_send_frame(const uint8_t *frame, size_t len);
size_t qtest_take_frame(uint8_t *frame_out, size_t cap); /* its length */
void qtest_set_link(bool is_up);

#endif
