; VersionVector: associative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a| (Int) Int)
(declare-fun |b| (Int) Int)
(declare-fun |c| (Int) Int)
(define-fun t!1 () Int (ite (< (|a| |k0|) (|b| |k0|)) (|b| |k0|) (|a| |k0|)))
(define-fun t!2 () Int (ite (< (|b| |k0|) (|c| |k0|)) (|c| |k0|) (|b| |k0|)))
(assert (not (= (ite (< t!1 (|c| |k0|)) (|c| |k0|) t!1) (ite (< (|a| |k0|) t!2) t!2 (|a| |k0|)))))
(check-sat)
