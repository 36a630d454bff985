/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-state.c - names of states and verdicts. */

#include "api/guest-state.h"

static const char *const guest_state_table[] = {
        [GUEST_STOPPED] = "stopped", [GUEST_PREPARING] = "preparing", [GUEST_BOOTING] = "booting",
        [GUEST_RUNNING] = "running", [GUEST_STOPPING] = "stopping",   [GUEST_BACKOFF] = "backoff",
        [GUEST_FAILED] = "failed",
};
DEFINE_STRING_TABLE(guest_state, GuestState, GUEST_STATE_MAX);

static const char *const guest_wanted_table[] = {
        [WANTED_DOWN] = "down",
        [WANTED_UP] = "up",
};
DEFINE_STRING_TABLE(guest_wanted, GuestWanted, GUEST_WANTED_MAX);

static const char *const guest_health_table[] = {
        [HEALTH_UNKNOWN] = "unknown", [HEALTH_BOOTING] = "booting", [HEALTH_GOOD] = "good",
        [HEALTH_BUSY] = "busy",       [HEALTH_STALLED] = "stalled", [HEALTH_HUNG] = "hung",
        [HEALTH_STOPPED] = "stopped", [HEALTH_FROZEN] = "frozen",   [HEALTH_STARVED] = "starved",
};
DEFINE_STRING_TABLE(guest_health, GuestHealth, GUEST_HEALTH_MAX);

static const char *const verdict_table[] = {
        [VERDICT_NONE] = "none",       [VERDICT_POWEROFF] = "poweroff", [VERDICT_REBOOT] = "reboot",
        [VERDICT_STOPPED] = "stopped", [VERDICT_PANIC] = "panic",       [VERDICT_KILLED] = "killed",
        [VERDICT_HUNG] = "hung",       [VERDICT_MEMORY] = "memory",     [VERDICT_DISK] = "disk",
        [VERDICT_NETWORK] = "network", [VERDICT_KERNEL] = "kernel",     [VERDICT_USAGE] = "usage",
        [VERDICT_EXIT] = "exit",
};
DEFINE_STRING_TABLE(verdict, Verdict, VERDICT_MAX);
