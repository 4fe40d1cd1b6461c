"""The Redis commands: a table, and the functions that run them on the replica's pure core.

Importing the package registers them all; `dispatch.execute` runs one.
"""

from mergelaw.commands import acl as acl
from mergelaw.commands import admin as admin
from mergelaw.commands import bitfields as bitfields
from mergelaw.commands import bits as bits
from mergelaw.commands import client as client
from mergelaw.commands import connection as connection
from mergelaw.commands import counters as counters
from mergelaw.commands import crdt as crdt
from mergelaw.commands import describe as describe
from mergelaw.commands import diagnostics as diagnostics
from mergelaw.commands import expire as expire
from mergelaw.commands import geo as geo
from mergelaw.commands import geo_search as geo_search
from mergelaw.commands import hash_expiry as hash_expiry
from mergelaw.commands import hashes as hashes
from mergelaw.commands import information as information
from mergelaw.commands import keys as keys
from mergelaw.commands import list_edits as list_edits
from mergelaw.commands import list_moves as list_moves
from mergelaw.commands import lists as lists
from mergelaw.commands import multi as multi
from mergelaw.commands import objects as objects
from mergelaw.commands import persistence as persistence
from mergelaw.commands import scan as scan
from mergelaw.commands import set_algebra as set_algebra
from mergelaw.commands import sets as sets
from mergelaw.commands import sort as sort
from mergelaw.commands import strings as strings
from mergelaw.commands import substrings as substrings
from mergelaw.commands import zset_algebra as zset_algebra
from mergelaw.commands import zset_pops as zset_pops
from mergelaw.commands import zset_ranges as zset_ranges
from mergelaw.commands import zsets as zsets
