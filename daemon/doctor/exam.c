/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exam.c - begins an examination, and prints what the checks find: a line for each, with tabs
 * between the fields. */

#include <stdarg.h>
#include <stdio.h>

#include "api/dirs.h"
#include "basic/string-util.h"
#include "daemon/doctor/doctor.h"

/* No guest can have this name, and no host, so that needs another one. */
#define NOBODY "_"
#define TEXT   "[Guest]\nHostname=nobody\n"

#define ELLIPSIS "…" /* of texts that were cut */

static const char *const verdicts[DOCTOR_VERDICT_MAX] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_WARNING] = "warning",
        [DOCTOR_FAULT] = "fault",
        [DOCTOR_UNKNOWN] = "unknown",
};

/* ---- telling ---- */

/* Texts may have bytes of other programs and of files, and go to a terminal when umld is run by
 * hand, to some of which bytes above 0x7f are commands, too. */
static void print_field(const char *text) {
        putchar('\t');
        for (const char *p = text; *p; p++)
                if (startswith(p, ELLIPSIS)) {
                        fputs(ELLIPSIS, stdout);
                        p += strlen(ELLIPSIS) - 1;
                } else if ((unsigned char) *p < ' ' || *p == 0x7f)
                        putchar(' ');
                else if (*p > 0)
                        putchar(*p);
                else
                        printf("\\x%02x", (unsigned) (unsigned char) *p);
}

void exam_tell_as(Exam *e, const char *name, DoctorVerdict verdict, const char *remedy,
                  const char *repair, const char *text) {
        fputs(e->check->group, stdout);
        print_field(name);
        print_field(verdicts[verdict]);
        print_field(text);
        print_field(remedy);
        print_field(repair);
        putchar('\n');
        e->faults += verdict == DOCTOR_FAULT;
        e->unseen += verdict == DOCTOR_UNKNOWN && geteuid() != 0;
        e->told = true;
}

const char *exam_repair(const Exam *e) {
        return geteuid() == 0 && e->check->may_repair ? e->check->may_repair(e) : "";
}

static const char *repair_of(const Exam *e, DoctorVerdict verdict) {
        return verdict != DOCTOR_OK && verdict != DOCTOR_UNKNOWN ? exam_repair(e) : "";
}

void exam_tell(Exam *e, DoctorVerdict verdict, const char *remedy, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = strfmtv(format, ap);
        va_end(ap);
        exam_tell_as(e, e->check->name, verdict, remedy, repair_of(e, verdict),
                     text ?: "out of memory");
}

static bool lacks_rights(int error) {
        return geteuid() != 0 && (error == -EPERM || error == -EACCES);
}

void exam_tell_error(Exam *e, int error, const char *remedy, const char *what) {
        if (lacks_rights(error))
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "%s: only root can tell", what);
        else
                exam_tell(e, DOCTOR_FAULT, remedy, "%s: %s", what, strerror(-error));
}

/* ---- the steps of the set-up ---- */

static void keep_step(const char *name, int r, const Fault *f, void *userdata) {
        Exam *e = userdata;

        if (e->n_steps < ARRAY_SIZE(e->steps))
                e->steps[e->n_steps++] = (ExamStep){ name, r, f->text ? strdup(f->text) : NULL };
}

const ExamStep *exam_step(const Exam *e, const char *name) {
        for (size_t i = 0; i < e->n_steps; i++)
                if (streq(e->steps[i].name, name))
                        return &e->steps[i];
        return NULL;
}

static void tell_fault(Exam *e, const ExamStep *s) {
        _cleanup_free_ char *text = strdup(s->text ?: strerror(-s->r));
        const char *remedy = text ? split_remedy(text) : "";

        exam_tell(e, DOCTOR_FAULT, remedy, "%s", text ?: "out of memory");
}

bool exam_tell_step(Exam *e, const char *name) {
        const ExamStep *s = exam_step(e, name);

        if (!s || s->r == -ECANCELED)
                exam_tell(e, DOCTOR_UNKNOWN, "", "not checked, because of the findings above");
        else if (s->r < 0 && lacks_rights(s->r))
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "%s", s->text ?: strerror(-s->r));
        else if (s->r < 0)
                tell_fault(e, s);
        else
                return false;
        return true;
}

/* ---- beginning ---- */

/* Of a guest as the defaults make one. */
static int default_config(Config **ret) {
        _cleanup_free_ char *error = NULL;
        int r = config_parse(NOBODY, "defaults", TEXT, strlen(TEXT), "/dev/null", ret, &error);

        if (r < 0)
                return r;
        (*ret)->n_disks = 0;
        (void) free_and_strdup(&(*ret)->disks[0].path, NULL);
        return 0;
}

/* A configuration that cannot be used is what this is to tell. */
static int load_config(Exam *e, const char *name) {
        _cleanup_free_ char *file = umld_config_path(name),
                            *disk = umld_path(DIR_STATE, name, "root.img");
        int r;

        if (!file || !disk)
                return -ENOMEM;
        r = config_load(name, file, disk, &e->config, &e->config_error);
        return r == -ENOENT || r == -ENOMEM ? r : 0;
}

int exam_begin(Exam *e, const char *name) {
        int r;

        e->name = name;
        r = name ? load_config(e, name) : default_config(&e->config);
        if (r < 0)
                return r;
        e->running = name && host_guest_alive(name, (void *) umld_dir(DIR_RUNTIME));
        if (!e->config)
                return 0;
        r = setup_new(e->config, umld_dir(DIR_RUNTIME), &e->setup);
        if (r < 0)
                return r;
        setup_examine(e->setup, keep_step, e);
        return 0;
}

void exam_done(Exam *e) {
        for (size_t i = 0; i < e->n_steps; i++)
                free(e->steps[i].text);
        e->setup = setup_free(e->setup);
        e->config = config_free(e->config);
        free(e->config_error);
        e->config_error = NULL;
}
