; Max: theorem never_falls
; unsat means proved
(set-logic ALL)
(declare-fun |s| () Int)
(declare-fun |t| () Int)
(assert (< (ite (< |s| |t|) |t| |s|) |s|))
(check-sat)
