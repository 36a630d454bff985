/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/guest.h"

/* Writes a crash report where this end of a boot is a crash; to be called while its process is
 * still known. That it cannot be written is logged and no more. */
void guest_note_crash(const Guest *g, Verdict verdict, const char *detail, usec_t run_time);
