/* SPDX-License-Identifier: ISC */
/* The CPU faults of a Linux process, which arrive as signals. */
#ifndef FATA_BSP_UNIX_FAULTS_H
#define FATA_BSP_UNIX_FAULTS_H

/* From now on they become crash reports. */
void faults_init(void);

#endif
