/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Finding root's image in the boot archive: used by main.c only, ends with boot.
 * The image's form: tessera/root_image.h.
 */
#pragma once

#include <hal.h>
#include <tessera/root_image.h>

/*
 * The archive's first file, which must be boot/root: copies its header to out and returns its pages.  All file_pages of
 * all segments lie inside the archive, and no segment is writable and executable; addresses are not checked.
 * NULL: the archive does not begin with such a file; out is not to be used then.
 */
MUST_CHECK const unsigned char *root_image_read(const unsigned char *archive, uint64_t bytes,
						struct root_image *out);
