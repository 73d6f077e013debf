/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The image's header is ABI between the personality and mem; it is described there. */
#pragma once

#include <tessera/personality.h>
