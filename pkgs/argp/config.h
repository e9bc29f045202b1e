/* What gnulib's configure would have found in musl. */
#define _GNU_SOURCE 1
/* gnulib's own getopt under another name: argp needs its state in a structure, which musl's does not have. */
#define __GETOPT_PREFIX rpl_
#define HAVE_DECL_PROGRAM_INVOCATION_NAME 1
#define HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME 1
#define HAVE_PROGRAM_INVOCATION_NAME 1
#define HAVE_PROGRAM_INVOCATION_SHORT_NAME 1
#define HAVE_FLOCKFILE 1
#define HAVE_FUNLOCKFILE 1
#define HAVE_DECL_STRERROR_R 1
#define GNULIB_STRERROR_R_POSIX 1
#define HAVE_DECL_FLOCKFILE 1
#define HAVE_DECL_PUTC_UNLOCKED 1
#define HAVE_DECL_FPUTS_UNLOCKED 1
#define HAVE_DECL_FWRITE_UNLOCKED 1
/* One definition of each inline function, in argp-xinl.c and argp-fs-xinl.c. */
#define _GL_INLINE inline
#define _GL_EXTERN_INLINE extern inline
#define _GL_INLINE_HEADER_BEGIN
#define _GL_INLINE_HEADER_END
#define _GL_ATTRIBUTE_FORMAT(spec) __attribute__((__format__ spec))
#define _GL_ATTRIBUTE_SPEC_PRINTF_STANDARD __printf__
#define _GL_ATTRIBUTE_SPEC_PRINTF_SYSTEM __printf__
#define _GL_ARG_NONNULL(params)
#define _GL_ATTRIBUTE_PURE __attribute__((__pure__))
#define _GL_ATTRIBUTE_DEALLOC(function, argument)
#define _GL_UNUSED __attribute__((__unused__))
