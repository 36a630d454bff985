/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - the command line of umld. */

#include <getopt.h>
#include <stdio.h>

#include "api/exit-codes.h"
#include "basic/log.h"
#include "daemon/options.h"
#include "daemon/version.h"

static int help(void) {
        puts("umld [OPTIONS] NAME\n"
             "\n"
             "Starts the User-Mode-Linux guest NAME and keeps it running, in the foreground.\n"
             "\n"
             "  -c --check    print what starting the guest would do, and change nothing\n"
             "     --plan     the same, for other programs\n"
             "  -d --debug    log debug messages, too\n"
             "     --doctor   check the host, for the guest NAME or for none\n"
             "     --measure  the same, and how fast guests can be\n"
             "     --repair=CHECK  repair what that check of the host has found\n"
             "     --stop     shut the guest down if it runs without its umld; start none\n"
             "     --kill     the same, at once, and uncleanly\n"
             "  -h --help     print this help\n"
             "     --version  print the version and the features\n"
             "\n"
             "See umld(8), umld.conf(5) and umlctl(1).");
        return EXIT_DONE;
}

static int parse_one(int c, Invocation *i) {
        switch (c) {
        case 'c':
                i->order = ORDER_PLAN;
                i->plan = PLAN_TEXT;
                return -1;
        case 'P':
                i->order = ORDER_PLAN;
                i->plan = PLAN_TABS;
                return -1;
        case 'D':
                i->order = ORDER_EXAMINE;
                return -1;
        case 'M':
                i->order = ORDER_EXAMINE;
                i->measure = true;
                return -1;
        case 'm':
                i->order = ORDER_EXAMINE;
                i->repair = optarg;
                return -1;
        case 'A':
                i->order = ORDER_CAN_ADOPT;
                return -1;
        case 's':
                i->order = ORDER_STOP;
                return -1;
        case 'k':
                i->order = ORDER_KILL;
                return -1;
        case 'E':
                i->order = ORDER_ENDED;
                return -1;
        case 'd':
                log_set_max_level(LOG_DEBUG);
                return -1;
        case 'h':
                return help();
        case 'V':
                return version_print();
        default:
                return EXIT_USAGE;
        }
}

int options_parse(int argc, char **argv, Invocation *ret) {
        static const struct option options[] = {
                { "check", no_argument, NULL, 'c' },
                { "doctor", no_argument, NULL, 'D' },
                { "plan", no_argument, NULL, 'P' },
                { "measure", no_argument, NULL, 'M' },
                { "repair", required_argument, NULL, 'm' },
                { "debug", no_argument, NULL, 'd' },
                { "can-adopt", no_argument, NULL, 'A' },
                { "stop", no_argument, NULL, 's' },
                { "kill", no_argument, NULL, 'k' },
                { "ended", no_argument, NULL, 'E' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                {},
        };
        int c, r;

        *ret = (Invocation){ .plan = PLAN_NONE };
        while ((c = getopt_long(argc, argv, "cdh", options, NULL)) >= 0) {
                r = parse_one(c, ret);
                if (r >= 0)
                        return r;
        }
        ret->guest = argv[optind];
        if (argc - optind == 1 || (argc == optind && ret->order == ORDER_EXAMINE))
                return -1;
        log_error("exactly one guest must be given; see umld --help");
        return EXIT_USAGE;
}
