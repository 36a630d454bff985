/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One examination of the host, for one guest or for none: what the checks (doctor.c has THE table)
 * look at, and how they tell what they have found. */

#include "daemon/setup/setup.h"

typedef enum DoctorVerdict {
        DOCTOR_OK,
        DOCTOR_WARNING, /* a guest can start, but something is worse than it could be */
        DOCTOR_FAULT,   /* a guest cannot start, or something of it does not work */
        DOCTOR_UNKNOWN, /* it could not be checked */
        DOCTOR_VERDICT_MAX,
} DoctorVerdict;

struct Check;

enum {
        EXAM_STEPS_MAX = 24,
};

/* The result of a step of the set-up. */
typedef struct ExamStep {
        const char *name;
        int r;
        char *text; /* of the fault */
} ExamStep;

typedef struct Exam {
        const char *name;   /* of the guest; NULL: of none */
        char *config_error; /* why its configuration cannot be used */
        Config *config;     /* of none: what is built in; NULL: it cannot be used */
        Setup *setup;       /* NULL: without one */
        bool running;       /* its umld is */
        bool measure;
        ExamStep steps[EXAM_STEPS_MAX];
        size_t n_steps;

        const struct Check *check; /* in progress */
        bool told;                 /* it has told something */
        unsigned faults;
        unsigned unseen; /* what only root can see */
} Exam;

/* name: NULL = of no guest. -ENOENT: there is no such guest. Other errors: out of memory … */
int exam_begin(Exam *e, const char *name);
void exam_done(Exam *e);

/* Tells what the current check has found: one sentence, and what to do, "" = nothing. */
void exam_tell(Exam *e, DoctorVerdict verdict, const char *remedy, const char *format, ...)
        _printf_(4, 5);
/* The same under another name than the check's, and with what umld itself can do about it. */
void exam_tell_as(Exam *e, const char *name, DoctorVerdict verdict, const char *remedy,
                  const char *repair, const char *text);

/* Tells of an error; one for want of root's rights is no verdict. */
void exam_tell_error(Exam *e, int error, const char *remedy, const char *what);

/* What umld can do about what the current check has found; "" = nothing. */
const char *exam_repair(const Exam *e);

const ExamStep *exam_step(const Exam *e, const char *name);
/* Tells the fault of that step, and returns true; false: there is none. */
bool exam_tell_step(Exam *e, const char *name);
