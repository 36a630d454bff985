/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch.c - umld-fetch: downloads a URL into a file, for umlctl.
 *
 * After a broken connection the download is resumed if the server says that the file is still the
 * same, else it is started again. The server and the network are untrusted, so root becomes nobody
 * first. */

#include <curl/curl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "imager/message.h"

enum {
        NOBODY = 65534,
        TRIES_MAX = 5, /* consecutive attempts without progress */
        CONNECT_SECONDS = 30,
        SILENCE_SECONDS = 60,
        REDIRECTIONS_MAX = 10,
};

typedef struct Fetch {
        CURL *curl;
        const char *url;
        uint64_t at, total; /* total 0: unknown */
        uint64_t max;       /* more is refused; UINT64_MAX: nothing is */
        uint64_t begun_at;  /* bytes of this attempt */
        char *etag;         /* ETag of the file whose first part has been downloaded */
        bool checked;       /* the response of this attempt has been checked */
        int error;          /* errno of a failed write */
        char message[CURL_ERROR_SIZE];
} Fetch;

static int become_nobody(void) {
        static const struct rlimit none = {};

        if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                               setresuid(NOBODY, NOBODY, NOBODY) < 0))
                return -errno;
        (void) setrlimit(RLIMIT_CORE, &none);
        (void) signal(SIGPIPE, SIG_IGN);
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0
                       ? -errno
                       : 0;
}

/* The server sends the whole file, although a range was requested: the file has changed. */
static int begin_anew(Fetch *f) {
        f->at = 0;
        f->error = RET_NERRNO(ftruncate(IMAGE_FD_IMAGE, 0));
        return f->error;
}

/* Checks the response at its first byte. */
static int check_answer(Fetch *f) {
        curl_off_t length = -1;
        long code = 0;

        f->checked = true;
        (void) curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &code);
        if (f->begun_at > 0 && code != 206 && begin_anew(f) < 0)
                return f->error;
        (void) curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        f->total = length > 0 ? f->at + (uint64_t) length : 0;
        if (f->total > 0)
                say_result("total", "%llu", (unsigned long long) f->total);
        return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata) {
        Fetch *f = userdata;
        size_t left = size * n;

        if (!f->checked && (f->error = check_answer(f)) < 0)
                return 0;
        if (left > f->max - MIN(f->at, f->max))
                f->error = -EFBIG;
        while (f->error == 0 && left > 0) {
                ssize_t written = pwrite(IMAGE_FD_IMAGE, data, left, (off_t) f->at);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0) {
                        f->error = -errno;
                        return 0;
                }
                f->at += (uint64_t) written;
                data += written;
                left -= (size_t) written;
        }
        say_progress(f->at, NULL);
        return f->error < 0 ? 0 : size * n;
}

/* Each redirection has its own headers; only the last ones count. */
static size_t on_header(char *data, size_t size, size_t n, void *userdata) {
        static const char etag[] = "etag:";
        Fetch *f = userdata;
        size_t length = size * n;

        if (f->begun_at == 0 && length > 5 && strncmp(data, "HTTP/", 5) == 0)
                (void) free_and_strdup(&f->etag, NULL);
        if (f->begun_at == 0 && length > strlen(etag) &&
            strncasecmp(data, etag, strlen(etag)) == 0) {
                _cleanup_free_ char *value = strndup(data + strlen(etag), length - strlen(etag));

                if (value)
                        (void) free_and_strdup(&f->etag, strstrip(value));
        }
        return length;
}

static void set_protocols(CURL *curl, const char *url) {
        bool secure = startswith(url, "https:") != NULL;

        /* A redirection from https to http is not followed. */
#if LIBCURL_VERSION_NUM >= 0x075500
        (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http,https");
        (void) curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
        (void) curl_easy_setopt(
                curl, CURLOPT_PROTOCOLS,
                (long) (secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
        (void) curl_easy_setopt(
                curl, CURLOPT_REDIR_PROTOCOLS,
                (long) (secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* As curl(1) does: in place of the system's. */
static void set_authorities(CURL *curl) {
        const char *file = getenv("CURL_CA_BUNDLE") ?: getenv("SSL_CERT_FILE");

        if (!isempty(file))
                (void) curl_easy_setopt(curl, CURLOPT_CAINFO, file);
}

static void set_options(Fetch *f) {
        (void) curl_easy_setopt(f->curl, CURLOPT_URL, f->url);
        (void) curl_easy_setopt(f->curl, CURLOPT_FOLLOWLOCATION, 1L);
        (void) curl_easy_setopt(f->curl, CURLOPT_MAXREDIRS, (long) REDIRECTIONS_MAX);
        (void) curl_easy_setopt(f->curl, CURLOPT_FAILONERROR, 1L);
        (void) curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(f->curl, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_SECONDS);
        (void) curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void) curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_TIME, (long) SILENCE_SECONDS);
        (void) curl_easy_setopt(f->curl, CURLOPT_USERAGENT, "umlctl");
        (void) curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->message);
        (void) curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_data);
        (void) curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
        (void) curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_header);
        (void) curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
        set_protocols(f->curl, f->url);
        set_authorities(f->curl);
}

/* Without an ETag the file may have changed meanwhile. */
static CURLcode try(Fetch *f) {
        struct curl_slist *headers = NULL;
        _cleanup_free_ char *range = NULL, *condition = NULL;
        CURLcode e;

        if (!f->etag || startswith(f->etag, "W/")) {
                if (begin_anew(f) < 0)
                        return CURLE_WRITE_ERROR;
        } else if (f->at > 0) {
                range = strfmt("%llu-", (unsigned long long) f->at);
                condition = strfmt("If-Range: %s", f->etag);
                headers = condition ? curl_slist_append(NULL, condition) : NULL;
        }
        f->begun_at = f->at;
        f->checked = false;
        f->message[0] = '\0';
        (void) curl_easy_setopt(f->curl, CURLOPT_RANGE, range);
        (void) curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
        e = curl_easy_perform(f->curl);
        curl_slist_free_all(headers);
        return e;
}

/* Errors of the network may be temporary, errors of the request are not. */
static bool worth_another_try(CURLcode e, CURL *curl) {
        static const CURLcode passing[] = {
                CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST,
                CURLE_PARTIAL_FILE,    CURLE_OPERATION_TIMEDOUT,
                CURLE_GOT_NOTHING,     CURLE_SEND_ERROR,
                CURLE_RECV_ERROR,      CURLE_HTTP2,
                CURLE_HTTP2_STREAM,
        };
        long code = 0;

        FOREACH_ELEMENT (p, passing)
                if (e == *p)
                        return true;
        (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        return e == CURLE_HTTP_RETURNED_ERROR && code >= 500;
}

static int fetch(Fetch *f) {
        unsigned failures = 0;

        for (;;) {
                CURLcode e = try(f);

                if (e == CURLE_OK)
                        return ftruncate(IMAGE_FD_IMAGE, (off_t) f->at) < 0 ||
                                               fsync(IMAGE_FD_IMAGE) < 0
                                       ? say_error("cannot write the download: %m")
                                       : EXIT_DONE;
                if (f->error == -EFBIG)
                        return say_error("has more than %llu bytes", (unsigned long long) f->max);
                if (f->error < 0)
                        return say_error("cannot write the download: %s", strerror(-f->error));
                failures = f->at > f->begun_at ? 1 : failures + 1;
                if (failures >= TRIES_MAX || !worth_another_try(e, f->curl))
                        return say_error("%s", *f->message ? f->message : curl_easy_strerror(e));
                if (f->at > 0)
                        say_note("the download was interrupted, continuing");
                (void) nanosleep(&(struct timespec){ .tv_sec = 1 << (failures - 1) }, NULL);
        }
}

int main(int argc, char *argv[]) {
        Fetch f = { .max = UINT64_MAX };
        int r;

        if (argc < 2 || argc > 3 ||
            (argc == 3 && parse_unsigned(argv[2], 1, UINT64_MAX, &f.max) < 0))
                return EXIT_USAGE;
        r = become_nobody();
        if (r < 0)
                return say_error("cannot drop privileges: %s", strerror(-r));
        f.url = argv[1];
        f.curl = curl_easy_init();
        if (!f.curl)
                return say_error("out of memory");
        set_options(&f);
        r = fetch(&f);
        curl_easy_cleanup(f.curl);
        free(f.etag);
        return r;
}
