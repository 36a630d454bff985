/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A container image in the layout of the Open Container Initiative: an index names manifests, a
 * manifest names layers and a configuration, each by the digest of a file. All that is read is
 * checked against its digest first. */

#include <jansson.h>

#include "image/writer.h"
#include "imager/write.h"

enum {
        OCI_LAYERS_MAX = 512,
};

/* Both return 0 or the exit code, having said what is wrong. */

/* Reads the index from fd, and finds the manifest of this tag (NULL: the only one) for this
 * machine. The caller frees it with json_decref(). */
int oci_manifest(int fd, const char *tag, json_t **ret);

/* The file of a descriptor {digest, size}, which has been checked. The caller closes it. */
int oci_open(const json_t *descriptor, int *ret);

/* The same for one with JSON. */
int oci_json(const json_t *descriptor, json_t **ret);

/* Makes what the image runs the service of the guest. */
int oci_add_service(ImageWriter *w, const json_t *config);
