/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - what begins and ends with a boot, with the guest's readiness, and with its stop. */

#include "basic/log.h"
#include "daemon/base/places.h"
#include "daemon/base/timer.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/parts.h"
#include "host/resident.h"

GuestHealth guest_health(const Guest *g) {
        if (space_watch_frozen(g->watch.space))
                return HEALTH_FROZEN;
        if (g->watch.health)
                return health_watch_grade(g->watch.health);
        return g->boot.phase == BOOT_LAUNCHED ? HEALTH_BOOTING : HEALTH_UNKNOWN;
}

void guest_note_hold(Guest *g, bool held) {
        space_watch_hold(g->watch.space, held);
}

/* ---- the kernel's health ---- */

/* The sentence is used in the verdict, too. */
static void report(Guest *g, GuestEvent event, const char *why) {
        log_error("%s", why);
        (void) free_and_strdup(&g->stop.why, why);
        guest_event(g, event, why);
}

static void on_hung(const char *why, void *userdata) {
        report(userdata, EV_HUNG, why);
}

static void end_health(Guest *g) {
        g->watch.health = health_watch_free(g->watch.health);
}

static int begin_health(Guest *g) {
        end_health(g);
        return health_watch_new(g->event, g->boot.process, g->config, &g->past.latencies, on_hung,
                                g, &g->watch.health);
}

static bool health_differs(const Config *a, const Config *b) {
        return a->hang_check != b->hang_check;
}

/* ---- its services ---- */

static void on_sick(const char *why, void *userdata) {
        report(userdata, EV_SICK, why);
}

/* Whether the kernel itself is silent is a matter for the heartbeat. */
static bool is_excused(void *userdata) {
        GuestHealth h = guest_health(userdata);

        return h != HEALTH_UNKNOWN && h != HEALTH_GOOD && h != HEALTH_BUSY;
}

static void end_probes(Guest *g) {
        g->watch.probes = probe_set_free(g->watch.probes);
}

static int begin_probes(Guest *g) {
        const ProbeListener listener = { .excused = is_excused, .sick = on_sick, .userdata = g };

        end_probes(g);
        return probe_set_new(g->event, g->config, &listener, &g->watch.probes);
}

static bool probes_differ(const Config *a, const Config *b) {
        return a->n_probes != b->n_probes || a->hang_check != b->hang_check ||
               a->hang_timeout != b->hang_timeout ||
               memcmp(a->probes, b->probes, sizeof(a->probes)) != 0;
}

/* ---- what it says about itself ---- */

static bool may_ask(void *userdata) {
        return !is_excused(userdata);
}

static void end_facts(Guest *g) {
        g->watch.facts = facts_watch_free(g->watch.facts);
}

/* Without a heartbeat the guest is left alone. */
static int begin_facts(Guest *g) {
        end_facts(g);
        return g->config->hang_check == 0
                       ? 0
                       : facts_watch_new(g->event, g->boot.process, may_ask, g, &g->watch.facts);
}

/* ---- memory and disks ---- */

static int begin_memory(Guest *g) {
        guest_begin_history(g);
        guest_memory_begin(g->memory, g->boot.process);
        return 0;
}

static void end_memory(Guest *g) {
        guest_memory_end(g->memory);
}

static int begin_disk_sync(Guest *g) {
        return disk_sync_start(g->disk_sync, g->config->disk_sync);
}

/* Nothing more will come; the next boot does not wait for the disk. */
static void end_disk_sync(Guest *g) {
        (void) disk_sync_start(g->disk_sync, 0);
        disk_sync_now(g->disk_sync);
}

static bool disk_sync_differs(const Config *a, const Config *b) {
        return a->disk_sync != b->disk_sync;
}

static int begin_space(Guest *g) {
        return space_watch_new(g->event, g->boot.process, g->setup->host->disk_fds,
                               g->setup->host->disk_distant, ARRAY_SIZE(g->setup->host->disk_fds),
                               &g->watch.space);
}

static void end_space(Guest *g) {
        g->watch.space = space_watch_free(g->watch.space);
}

static int thaw(Guest *g) {
        end_space(g);
        return 0;
}

void guest_tell_stocks(HostFacts *f, void *userdata) {
        const Guest *g = userdata;
        int pressure = guest_memory_judgement(g->memory, &f->memory_why);

        f->memory = pressure < 0 ? ANSWER_UNKNOWN : answer_of(pressure == PRESSURE_NONE);
        f->memory_short = pressure == PRESSURE_SHORT;
        f->space_full = false;
        f->space_why = NULL;
        if (space_watch_judgement(g->watch.space, &f->space_why, &f->space_full) < 0)
                f->space = ANSWER_UNKNOWN;
        else
                f->space = answer_of(!f->space_why);
        f->distant = places_distant();
        f->local = answer_of(!f->distant);
}

/* ---- CPU ---- */

static int begin_cpu(Guest *g) {
        return guest_has_one_cpu(g) ? cpu_watch_new(g->event, g->boot.process, &g->watch.cpu) : 0;
}

static void end_cpu(Guest *g) {
        g->watch.cpu = cpu_watch_free(g->watch.cpu);
}

/* ---- connections that a restart lets finish ---- */

/* stop.c begins that. */
static void end_drain(Guest *g) {
        g->stop.drain = drain_free(g->stop.drain);
}

/* ---- relays ---- */

static int begin_relays(Guest *g) {
        proxies_set_phase(g->proxies, PROXY_RELAY);
        return 0;
}

static void end_relays(Guest *g) {
        proxies_set_phase(g->proxies, PROXY_FINISH);
}

static void end_connections(Guest *g) {
        proxies_set_phase(g->proxies, PROXY_HOLD);
}

/* ---- tracked connections ---- */

static int end_search(Guest *g) {
        g->watch.dead_flows = dead_flows_free(g->watch.dead_flows);
        return 0;
}

/* Nobody is left to answer for them. */
static void begin_search(Guest *g) {
        (void) end_search(g);
        if (g->setup->net->rules && dead_flows_new(g->event, g->config, &g->watch.dead_flows) < 0)
                log_debug("the connections of the guest stay tracked");
}

/* ---- the host after a start, and umld itself ---- */

/* What cannot be repaired ends this boot. */
static void on_verified(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;

        if (r >= 0)
                return;
        log_error("%s", fault->text ?: "out of memory");
        fault_done(&g->boot.fault);
        g->boot.fault = *fault;
        *fault = (Fault){};
        guest_process_kill(g->boot.process);
}

/* All steps are as they should be: many guests that start at once do not take the locks twice, and
 * who has changed something since is noticed by the watches. */
static bool is_just_set_up(const Guest *g) {
        return g->boot.set_up > 0 &&
               usec_sub(now_usec(CLOCK_MONOTONIC), g->boot.set_up) < USEC_PER_SEC;
}

/* Repairs tap and rules if somebody changed them meanwhile, as soon as that is possible. */
static int on_verify(sd_event_source *s, void *userdata) {
        Guest *g = userdata;

        guest_keep_crash(g);
        if (!is_just_set_up(g))
                setup_run_begin(g->run, SETUP_BEHIND, on_verified, g);
        return 0;
}

static int begin_verify(Guest *g) {
        int r;

        if (g->watch.verify)
                return sd_event_source_set_enabled(g->watch.verify, SD_EVENT_ONESHOT);
        r = sd_event_add_defer(g->event, &g->watch.verify, on_verify, g);
        if (r >= 0)
                (void) sd_event_source_set_description(g->watch.verify, "host-verify");
        return r;
}

static void end_verify(Guest *g) {
        setup_run_cancel(g->run, SETUP_BEHIND);
        if (g->watch.verify)
                (void) sd_event_source_set_enabled(g->watch.verify, SD_EVENT_OFF);
}

static int on_settled(sd_event_source *s, uint64_t usec, void *userdata) {
        resident_trim();
        return 0;
}

/* What follows a start is over soon. */
static int begin_settle(Guest *g) {
        const usec_t delay = 3 * USEC_PER_SEC, accuracy = USEC_PER_SEC;

        return timer_new(g->event, "settle", delay, accuracy, on_settled, NULL, &g->watch.settle);
}

static void end_settle(Guest *g) {
        g->watch.settle = sd_event_source_disable_unref(g->watch.settle);
}

/* ---- THE table ---- */

/* Begun in this order and ended in reverse. A guest can run without any of these. A frozen guest
 * cannot shut down, so it is thawed for that; one that is killed stays frozen, so that it cannot
 * write to a full disk. */
static const struct {
        const char *name;
        BootPhase since, until; /* from this phase on; no more from that one on */
        int (*begin)(Guest *g);
        void (*end)(Guest *g);
        bool (*differs)(const Config *a,
                        const Config *b); /* settings after whose change it is begun again */
} watches[] = {
        { "store", BOOT_LAUNCHED, BOOT_OVER, guest_begin_keep, guest_end_keep, NULL },
        { "host check", BOOT_LAUNCHED, BOOT_STOPPING, begin_verify, end_verify, NULL },
        { "memory watch", BOOT_LAUNCHED, BOOT_OVER, begin_memory, end_memory, NULL },
        { "disk sync", BOOT_LAUNCHED, BOOT_OVER, begin_disk_sync, end_disk_sync,
          disk_sync_differs },
        { "space watch", BOOT_LAUNCHED, BOOT_OVER, begin_space, end_space, NULL },
        { "CPU watch", BOOT_LAUNCHED, BOOT_OVER, begin_cpu, end_cpu, NULL },
        { "relayed connections", BOOT_LAUNCHED, BOOT_OVER, NULL, end_connections, NULL },
        { "tracked connections", BOOT_ANSWERS, BOOT_OVER, end_search, begin_search, NULL },
        { "hang check", BOOT_ANSWERS, BOOT_STOPPING, begin_health, end_health, health_differs },
        { "init watch", BOOT_ANSWERS, BOOT_READY, guest_watch_init, guest_unwatch_init, NULL },
        { "probes", BOOT_READY, BOOT_STOPPING, begin_probes, end_probes, probes_differ },
        { "guest's facts", BOOT_READY, BOOT_STOPPING, begin_facts, end_facts, health_differs },
        { "relays", BOOT_READY, BOOT_STOPPING, begin_relays, end_relays, NULL },
        { "stand-by", BOOT_READY, BOOT_GONE, guest_make_standby, guest_drop_standby, NULL },
        { "settling", BOOT_READY, BOOT_STOPPING, begin_settle, end_settle, NULL },
        { "thaw", BOOT_STOPPING, BOOT_KILLED, thaw, NULL, NULL },
        { "connections' end", BOOT_STOPPING, BOOT_KILLED, NULL, end_drain, NULL },
};

static bool is_for(size_t i, BootPhase phase) {
        return watches[i].since <= phase && phase < watches[i].until;
}

static void begin(Guest *g, size_t i) {
        int r = watches[i].begin ? watches[i].begin(g) : 0;

        if (r < 0)
                log_warning_errno(r, "%s: cannot be started, continuing without: %m",
                                  watches[i].name);
}

void guest_enter(Guest *g, BootPhase to) {
        BootPhase from = g->boot.phase;

        g->boot.phase = to;
        guest_follow_hold(g); /* at once: what comes before is lost */
        for (size_t i = ARRAY_SIZE(watches); i-- > 0;)
                if (is_for(i, from) && !is_for(i, to) && watches[i].end)
                        watches[i].end(g);
        for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
                if (!is_for(i, from) && is_for(i, to))
                        begin(g, i);
        guest_keep(g);
}

void guest_follow_settings(Guest *g, const Config *before) {
        guest_follow_hold(g);
        for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
                if (is_for(i, g->boot.phase) && watches[i].differs &&
                    watches[i].differs(before, g->config))
                        begin(g, i);
        guest_keep(g);
}
