"""ACL: there is one user, `default`, who may do everything.

Source: redis 7.0, `src/acl.c`.
"""

from __future__ import annotations

from mergelaw.commands.describe import CATEGORIES, categories
from mergelaw.commands.dispatch import look_up
from mergelaw.commands.errors import CommandError, wrong_arity
from mergelaw.commands.help import register_help
from mergelaw.commands.parse import integer
from mergelaw.commands.reply import OK, Reply, Status
from mergelaw.commands.table import TABLE, Call, command, container

_ADMIN = "admin noscript loading stale"


container(b"ACL", group="server", since="6.0.0", summary="A container for Access List Control commands")
register_help(
    b"ACL",
    "server",
    "6.0.0",
    [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.",
        "LIST",
        "    Show users details in config file format.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    ],
)
_ACL = "noscript loading stale"


@command(
    b"ACL|WHOAMI",
    arity=2,
    flags=_ACL,
    group="server",
    since="6.0.0",
    summary="Return the name of the user associated to the current connection",
)
def acl_who(c: Call) -> Reply:
    """The user's name."""
    return c.client.user


@command(
    b"ACL|USERS",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="6.0.0",
    summary="List the username of all the configured ACL rules",
)
def acl_users(c: Call) -> Reply:
    """There is one, who may do everything."""
    return [b"default"]


@command(
    b"ACL|LIST",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="6.0.0",
    summary="List the current ACL rules in ACL config file format",
)
def acl_list(c: Call) -> Reply:
    """The one user's rule, without the password."""
    password = b"" if c.server.password_required() else b"nopass "
    return [b"user default on " + password + b"~* &* +@all"]


@command(
    b"ACL|GETUSER",
    arity=3,
    flags=_ADMIN,
    group="server",
    since="6.0.0",
    summary="Get the rules for a specific ACL user",
)
def acl_user(c: Call) -> Reply:
    """The user's rules, without the password; null of an unknown user."""
    if c.args[2] != b"default":
        return None
    flags = [Status(b"on")] if c.server.password_required() else [Status(b"on"), Status(b"nopass")]
    return {
        b"flags": flags,
        b"passwords": [],
        b"commands": b"+@all",
        b"keys": b"~*",
        b"channels": b"&*",
        b"selectors": [],
    }


@command(
    b"ACL|CAT",
    arity=-2,
    flags=_ACL,
    group="server",
    since="6.0.0",
    summary="List the ACL categories or the commands inside a category",
)
def acl_categories(c: Call) -> Reply:
    """All categories, or the commands of one."""
    if len(c.args) == 2:
        return [name.encode() for name in CATEGORIES]
    if len(c.args) > 3:
        raise wrong_arity("acl|cat")
    wanted = c.args[2].decode("latin-1").lower()
    if wanted not in CATEGORIES:
        raise CommandError(b"ERR Unknown category '" + c.args[2] + b"'")
    everything = [one for _, found in sorted(TABLE.items()) for one in (found, *found.subcommands.values())]
    return [found.name.encode("latin-1") for found in everything if wanted in categories(found)]


@command(
    b"ACL|GENPASS",
    arity=-2,
    flags=_ACL,
    group="server",
    since="6.0.0",
    summary="Generate a pseudorandom secure password to use for ACL users",
)
def acl_password(c: Call) -> Reply:
    """Random bits, 256 unless said otherwise, as hexadecimal digits."""
    bits = 256
    if len(c.args) > 3:
        raise wrong_arity("acl|genpass")
    if len(c.args) == 3:
        bits = integer(c.args[2])
        if not 1 <= bits <= 4096:
            raise CommandError(
                "ERR ACL GENPASS argument must be the number of bits for the output password, "
                "a positive number up to 4096"
            )
    digits = (bits + 3) // 4
    return c.server.secret((digits + 1) // 2).hex()[:digits].encode()


@command(
    b"ACL|DRYRUN",
    arity=-4,
    flags=_ADMIN,
    group="server",
    since="7.0.0",
    summary="Returns whether the user can execute the given command without executing the command.",
    complexity="O(1).",
)
def acl_dry_run(c: Call) -> Reply:
    """OK for every command that there is: the one user may do everything."""
    if c.args[2] != b"default":
        raise CommandError(b"ERR User '" + c.args[2] + b"' not found")
    try:
        found = look_up(c.args[3:])
    except CommandError:
        raise CommandError(b"ERR Command '" + c.args[3] + b"' not found") from None
    if not found.accepts(len(c.args) - 3):
        raise wrong_arity(found.name)
    return OK
