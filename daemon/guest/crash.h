/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/guest/guest.h"

/* In two steps, since a restart does not wait for a disk. Takes down what a report says where this
 * end of a boot is a crash; to be called while its process is still known … */
void guest_note_crash(Guest *g, Verdict verdict, const char *detail, usec_t run_time);
/* … and writes it, if there is one. That it cannot be written is logged and no more. */
void guest_keep_crash(Guest *g);
