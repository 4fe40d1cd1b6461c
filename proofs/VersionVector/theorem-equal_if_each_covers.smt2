; VersionVector: theorem equal_if_each_covers
; unsat means proved
(set-logic ALL)
(declare-fun |all| () Bool)
(declare-fun |all!1| () Bool)
(declare-fun |k0| () Int)
(declare-fun |s| (Int) Int)
(declare-fun |t| (Int) Int)
(assert (<= 0 (|s| |k0|)))
(assert (<= 0 (|t| |k0|)))
(assert (not (or (not (and |all| |all!1|)) (= (|s| |k0|) (|t| |k0|)))))
(assert (or (not |all|) (= 0 (|t| |k0|)) (not (< (|s| |k0|) (|t| |k0|)))))
(assert (or (not |all!1|) (= 0 (|s| |k0|)) (not (< (|t| |k0|) (|s| |k0|)))))
(check-sat)
