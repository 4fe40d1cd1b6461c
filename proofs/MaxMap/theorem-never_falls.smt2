; MaxMap: theorem never_falls
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |s| (Int) Int)
(declare-fun |t| (Int) Int)
(assert (< (ite (< (|s| |k|) (|t| |k|)) (|t| |k|) (|s| |k|)) (|s| |k|)))
(check-sat)
