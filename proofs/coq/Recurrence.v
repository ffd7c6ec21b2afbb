(** Theorem 3, the error recurrence. A radius with rho_(t+1) >= Lambda_t rho_t + d_t bounds every
    error that follows the recurrence, and unrolled

        rho_T <= sum_t d_t prod_(s > t) Lambda_s,      with equality if rho_(t+1) =
          Lambda_t rho_t + d_t.

    Relied on by `Tube` (src/shadow/step_coordinates.cpp), which carries rho_t rounded up. *)

From Coq Require Import Reals Lra Lia.
From NumGeom Require Import Sums.
Local Open Scope R_scope.

(** rho_0 = start, rho_(t+1) = Lambda_t rho_t + d_t. *)
Fixpoint radius (lambda d : nat -> R) (start : R) (t : nat) : R :=
  match t with
  | O => start
  | S t => lambda t * radius lambda d start t + d t
  end.

(** prod_(first <= s < first + count) Lambda_s. *)
Fixpoint growth (lambda : nat -> R) (first count : nat) : R :=
  match count with
  | O => 1
  | S n => growth lambda first n * lambda (first + n)%nat
  end.

Theorem radius_closed_form (lambda d : nat -> R) (start : R) (T : nat) :
  radius lambda d start T =
  growth lambda 0 T * start + sum_below (fun t => d t * growth lambda (S t) (T - S t)) T.
Proof.
  induction T as [|T IH]; simpl; [lra|].
  rewrite IH, Nat.sub_diag. simpl.
  rewrite (sum_below_ext (fun t => d t * growth lambda (S t) (T - t))
             (fun t => lambda T * (d t * growth lambda (S t) (T - S t)))), sum_below_scal; [lra|].
  intros t Ht. replace (T - t)%nat with (S (T - S t)) by lia. simpl.
  replace (S (t + (T - S t)))%nat with T by lia. lra.
Qed.

(** Whatever follows the recurrence stays below its solution. *)
Theorem radius_bounds_errors (lambda d error : nat -> R) (start : R) (T : nat) :
  (forall t, (t < T)%nat -> 0 <= lambda t) ->
  error O <= start ->
  (forall t, (t < T)%nat -> error (S t) <= lambda t * error t + d t) ->
  error T <= radius lambda d start T.
Proof.
  intros Hl H0. induction T as [|T IH]; intros H; simpl; [exact H0|].
  eapply Rle_trans; [apply H; lia|].
  apply Rplus_le_compat_r, Rmult_le_compat_l; [apply Hl; lia|].
  apply IH; intros; [apply Hl | apply H]; lia.
Qed.

(** Radii that are rounded up stay above the solution. *)
Theorem rounded_radius_above (lambda d rho : nat -> R) (start : R) (T : nat) :
  (forall t, (t < T)%nat -> 0 <= lambda t) ->
  start <= rho O ->
  (forall t, (t < T)%nat -> lambda t * rho t + d t <= rho (S t)) ->
  radius lambda d start T <= rho T.
Proof.
  intros Hl H0. induction T as [|T IH]; intros H; simpl; [exact H0|].
  eapply Rle_trans; [|apply H; lia].
  apply Rplus_le_compat_r, Rmult_le_compat_l; [apply Hl; lia|].
  apply IH; intros; [apply Hl | apply H]; lia.
Qed.

Lemma radius_nonneg (lambda d : nat -> R) (start : R) (T : nat) :
  (forall t, (t < T)%nat -> 0 <= lambda t) -> (forall t, (t < T)%nat -> 0 <= d t) ->
  0 <= start -> 0 <= radius lambda d start T.
Proof.
  intros Hl Hd H0. induction T as [|T IH]; simpl; [exact H0|].
  apply Rplus_le_le_0_compat; [apply Rmult_le_pos|]; [apply Hl; lia | | apply Hd; lia].
  apply IH; intros; [apply Hl | apply Hd]; lia.
Qed.

(** Greater factors, defects or starts never give a smaller radius. *)
Theorem radius_monotone (lambda lambda' d d' : nat -> R) (start start' : R) (T : nat) :
  (forall t, (t < T)%nat -> 0 <= lambda t <= lambda' t) ->
  (forall t, (t < T)%nat -> 0 <= d t <= d' t) ->
  0 <= start <= start' ->
  radius lambda d start T <= radius lambda' d' start' T.
Proof.
  intros Hl Hd H0. induction T as [|T IH]; simpl; [lra|].
  apply Rplus_le_compat; [|apply Hd; lia].
  apply Rmult_le_compat; [apply Hl; lia | | apply Hl; lia |].
  - apply radius_nonneg; intros; [apply Hl | apply Hd | apply H0]; lia.
  - apply IH; intros; [apply Hl | apply Hd]; lia.
Qed.

(** The error after T steps that starts at zero. *)
Theorem error_recurrence (lambda d error : nat -> R) (T : nat) :
  (forall t, (t < T)%nat -> 0 <= lambda t) ->
  error O <= 0 ->
  (forall t, (t < T)%nat -> error (S t) <= lambda t * error t + d t) ->
  error T <= sum_below (fun t => d t * growth lambda (S t) (T - S t)) T.
Proof.
  intros Hl H0 H.
  pose proof (radius_bounds_errors lambda d error 0 T Hl H0 H) as B.
  rewrite radius_closed_form in B. lra.
Qed.
