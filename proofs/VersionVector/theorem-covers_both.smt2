; VersionVector: theorem covers_both
; unsat means proved
(set-logic ALL)
(declare-fun |r0| () Int)
(declare-fun |s| (Int) Int)
(declare-fun |t| (Int) Int)
(declare-fun |all| () Bool)
(declare-fun |r0!1| () Int)
(declare-fun |all!1| () Bool)
(assert (or |all| (not (or (= (|s| |r0|) 0) (not (< (ite (< (|s| |r0|) (|t| |r0|)) (|t| |r0|) (|s| |r0|)) (|s| |r0|)))))))
(assert (or |all!1| (not (or (= 0 (|t| |r0!1|)) (not (< (ite (< (|s| |r0!1|) (|t| |r0!1|)) (|t| |r0!1|) (|s| |r0!1|)) (|t| |r0!1|)))))))
(assert (not (and |all| |all!1|)))
(check-sat)
