/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/guest/guest.h"

/* There are two steps, because a restart does not wait for a disk. The first collects the data of
 * the report if this end of a boot is a crash; to be called while its process is still known. */
void guest_note_crash(Guest *g, Verdict verdict, const char *detail, usec_t run_time);
/* The second writes the report, if there is one. Failure is only logged. */
void guest_keep_crash(Guest *g);
