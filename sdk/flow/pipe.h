/* SPDX-License-Identifier: ISC */
/* Pipes: pairs of flows in memory. What is written to one end is read at the other, through a
 * bounded buffer for each direction. For tests of protocols, and between fibers of a program.
 *
 *     fa_flow *ours, *theirs;
 *     err = fa_pipe_open(4096, &ours, &theirs);
 *     ... each end is used, and closed, as any flow is ...
 */
#ifndef FATA_FLOW_PIPE_H
#define FATA_FLOW_PIPE_H

#include <fata/flow.h>

/* `cap` bytes (at least 1) for each direction. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_pipe_open(size_t cap, fa_flow **a_out, fa_flow **b_out);

#endif
