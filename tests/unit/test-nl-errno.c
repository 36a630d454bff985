/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nl-errno.c - every code of libnl means the errno that it should. */

#include <netlink/errno.h>
#include <stdio.h>

#include "test.h"

#include "basic/macro.h"

#include "host/nl-errno.h"

/* Written down apart from the table under test, from what libnl's manual says of each code. */
static const struct {
        int nle, error;
        const char *text; /* nl_geterror(): shows that the number means here what we think */
} codes[] = {
        { NLE_FAILURE, EIO, "Unspecific failure" },
        { NLE_INTR, EINTR, "Interrupted system call" },
        { NLE_BAD_SOCK, EBADF, "Bad socket" },
        { NLE_AGAIN, EAGAIN, "Try again" },
        { NLE_NOMEM, ENOMEM, "Out of memory" },
        { NLE_EXIST, EEXIST, "Object exists" },
        { NLE_INVAL, EINVAL, "Invalid input data or parameter" },
        { NLE_RANGE, ERANGE, "Input data out of range" },
        { NLE_MSGSIZE, EMSGSIZE, "Message size not sufficient" },
        { NLE_OPNOTSUPP, EOPNOTSUPP, "Operation not supported" },
        { NLE_AF_NOSUPPORT, EAFNOSUPPORT, "Address family not supported" },
        { NLE_OBJ_NOTFOUND, ENOENT, "Object not found" },
        { NLE_NOATTR, ENODATA, "Attribute not available" },
        { NLE_MISSING_ATTR, EINVAL, "Missing attribute" },
        { NLE_AF_MISMATCH, EAFNOSUPPORT, "Address family mismatch" },
        { NLE_SEQ_MISMATCH, EPROTO, "Message sequence number mismatch" },
        { NLE_MSG_OVERFLOW, EOVERFLOW, "Kernel reported message overflow" },
        { NLE_MSG_TRUNC, EBADMSG, "Kernel reported truncated message" },
        { NLE_NOADDR, EADDRNOTAVAIL, "Invalid address for specified address family" },
        { NLE_SRCRT_NOSUPPORT, EOPNOTSUPP, "Source based routing not supported" },
        { NLE_MSG_TOOSHORT, EBADMSG, "Netlink message is too short" },
        { NLE_MSGTYPE_NOSUPPORT, EOPNOTSUPP, "Netlink message type is not supported" },
        { NLE_OBJ_MISMATCH, EINVAL, "Object type does not match cache" },
        { NLE_NOCACHE, EINVAL, "Unknown or invalid cache type" },
        { NLE_BUSY, EBUSY, "Object busy" },
        { NLE_PROTO_MISMATCH, EPROTONOSUPPORT, "Protocol mismatch" },
        { NLE_NOACCESS, EACCES, "No Access" },
        { NLE_PERM, EPERM, "Operation not permitted" },
        { NLE_PKTLOC_FILE, ENOENT, "Unable to open packet location file" },
        { NLE_PARSE_ERR, EBADMSG, "Unable to parse object" },
        { NLE_NODEV, ENODEV, "No such device" },
        { NLE_IMMUTABLE, EINVAL, "Immutable attribute" },
        { NLE_DUMP_INTR, EAGAIN, "Dump inconsistency detected, interrupted" },
        { NLE_ATTRSIZE, EMSGSIZE, "Attribute max length exceeded" },
};

static void test_every_code(void **state) {
        int next = 1;

        FOREACH_ELEMENT (c, codes) {
                assert_int_equal(c->nle, next++); /* none is missing here */
                assert_string_equal(nl_geterror(-c->nle), c->text);
                assert_int_equal(nl_to_errno(-c->nle), -c->error);
        }
}

static void test_no_error(void **state) {
        assert_int_equal(nl_to_errno(0), 0);
        assert_int_equal(nl_to_errno(36), 36); /* lengths pass */
}

static void test_unknown_codes(void **state) {
        assert_int_equal(nl_to_errno(-(int) ARRAY_SIZE(codes) - 1), -EIO);
        assert_int_equal(nl_to_errno(-12345), -EIO);
        assert_int_equal(nl_to_errno(INT32_MIN), -EIO);
}

/* What the kernel said must come back as said, or as something more general, and never as something
 * else. */
static void test_from_the_kernel_and_back(void **state) {
        static const struct {
                int said, heard;
        } general[] = {
                { EADDRINUSE, EEXIST },  { ESRCH, ENOENT },  { ENOTSOCK, EBADF },
                { ENOPROTOOPT, EINVAL }, { EFAULT, EINVAL }, { ENOBUFS, ENOMEM },
        };

        for (int said = 1; said < 134; said++) {
                int heard = -nl_to_errno(-nl_syserr2nlerr(said));
                bool right = heard == said || heard == EIO;

                FOREACH_ELEMENT (g, general)
                        right |= said == g->said && heard == g->heard;
                if (!right)
                        fail_msg("%s became %s", strerror(said), strerror(heard));
        }
        /* Those on which we act. */
        assert_int_equal(nl_to_errno(-nl_syserr2nlerr(EPERM)), -EPERM);
        assert_int_equal(nl_to_errno(-nl_syserr2nlerr(EEXIST)), -EEXIST);
        assert_int_equal(nl_to_errno(-nl_syserr2nlerr(ENODEV)), -ENODEV);
        assert_int_equal(nl_to_errno(-nl_syserr2nlerr(ENOENT)), -ENOENT);
        assert_int_equal(nl_to_errno(-nl_syserr2nlerr(EADDRNOTAVAIL)), -EADDRNOTAVAIL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_code),
                cmocka_unit_test(test_no_error),
                cmocka_unit_test(test_unknown_codes),
                cmocka_unit_test(test_from_the_kernel_and_back),
        };

        return RUN_TESTS(tests);
}
