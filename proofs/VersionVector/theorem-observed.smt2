; VersionVector: theorem observed
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |n| () Int)
(declare-fun |s| (Int) Int)
(assert (< (ite (< (|s| |r|) |n|) |n| (|s| |r|)) |n|))
(check-sat)
