/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the fake guest share. */

#include <net/if.h>
#include <stdint.h>
#include <time.h>

#include "basic/macro.h"

#define RELEASE "7.2.0-fake"

typedef struct Guest {
        struct timespec started;
        const char *umid, *uml_dir, *notify, *disk, *script;
        char tap[IFNAMSIZ];
        bool tap_header;
        int console; /* descriptor */
        int mconsole;
        char directory[96], pid_file[104], socket_file[108];
        bool ignore_cad, ignore_sysrq, mute;
        bool reset_key; /* nobody in it handles ctrl-alt-del */
} Guest;

extern Guest guest;

_noreturn_ void complain(const char *what);

/* A line on its console, and a notification of its management console. */
void say(const char *text);
void notify(int type, const char *text);

/* Its ends, which are steps, too. */
void step_exit(const char *status);
void step_poweroff(const char *arg);
void step_reboot(const char *arg);
void step_kill(const char *number);
void step_panic(const char *text);

/* A step of a program that consists of these files and its own (tests/breakout); NULL in others. */
void __attribute__((weak)) step_breakout(const char *arg);

/* STEP:ARGUMENT, which is changed. */
void run_step(char *step);

/* Serves the management console for that many milliseconds, -1 = for ever. */
void serve(int64_t ms);
