// SPDX-License-Identifier: Apache-2.0
//
// The seccomp part of the OCI runtime specification (config-linux.md, "Seccomp"), with what docker's and
// podman's own profiles add to it: archMap, includes and excludes (resolved for one machine while reading),
// name, defaultErrno and errno.
//
// A profile that is read decides as the filter does that runc and crun make of the document with libseccomp,
// where they do otherwise than the document seems to say too; that is a warning with its place (oci_read.cc,
// oci_merge.cc). Three things differ on purpose: another architecture kills the process, not the thread
// alone; on 32-bit architectures all 64 bits of a value count; and two entries without conditions and with
// different actions for one call are an error, where libseccomp silently takes the first.
//
// What is written is exact for conditions, whatever they are, as long as they take no unreasonable number of
// entries. What the format cannot say is reported: path rules, the kernel a profile was written for, rules
// for some architectures alone.
#include "format/oci_format.h"

namespace stile {

extern const Format kOciFormat = {"oci", "the JSON that runc, crun, docker and podman take", false,
                                  format::oci::write, format::oci::read};

extern const Format kDockerFormat = {"docker", "the same with docker's archMap", false, format::oci::write_docker,
                                     format::oci::read};
extern const Format kPodmanFormat = {"podman", "the same with podman's archMap and names of errors", false,
                                     format::oci::write_podman, format::oci::read};

}  // namespace stile
