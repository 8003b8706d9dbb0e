# SPDX-License-Identifier: Apache-2.0
# From a seccomp profile as Docker and podman write it to `linux.seccomp` of an OCI config.json, for
# x86_64 and the capabilities $caps.
{
  defaultAction,
  defaultErrnoRet: (.defaultErrnoRet // 1),
  architectures: [.archMap[] | select(.architecture == "SCMP_ARCH_X86_64") | .architecture, .subArchitectures[]],
  syscalls: [
    .syscalls[]
    | select(((.includes.caps // []) - $caps) == [])
    | select((.excludes.caps // []) as $never | ($never - ($never - $caps)) == [])
    | select((.includes.arches // ["amd64"]) | index("amd64"))
    | select((.excludes.arches // []) | index("amd64") | not)
    | {names, action, args: (.args // []), errnoRet}
    | if .errnoRet == null then del(.errnoRet) else . end
  ]
}
