; Stream: idempotent
; unsat means proved
(set-logic ALL)
(declare-fun |k0!2.0| () Int)
(declare-fun |k0!2.1| () Int)
(declare-fun |k0!2.2| () Int)
(declare-fun |k0!3.number| () Int)
(declare-fun |k0!3.replica| () Int)
(declare-fun |a.seen| (Int Int) Bool)
(declare-fun |a.entries.present| (Int Int Int Int Int) Bool)
(define-fun t!1 () Bool (|a.entries.present| |k0!2.0| |k0!2.1| |k0!2.2| |k0!3.replica| |k0!3.number|))
(assert (not (= t!1 (and (not (and (|a.seen| |k0!3.replica| |k0!3.number|) (not t!1))) t!1))))
(check-sat)
